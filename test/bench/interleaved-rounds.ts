/** One way to do the work that is compared. */
export type Contender = {
  readonly name: string;
  /** Does one unit of the work; `index` is unique. */
  readonly run: (index: number) => Promise<void>;
};

export type RoundsPlan = {
  readonly rounds: number;
  readonly unitsPerRound: number;
  readonly concurrency: number;
};

export type ContenderCost = {
  readonly name: string;
  /** CPU of this process per unit, in milliseconds, user and system, threads included; one value a round, ascending. */
  readonly cpuMs: readonly number[];
};

/**
 * Measures contenders in turns, so that what disturbs the machine for a while disturbs all of them. One round before the first warms up, and
 * does not count.
 */
export async function measureInterleaved(
  contenders: readonly Contender[],
  plan: RoundsPlan,
): Promise<readonly ContenderCost[]> {
  const costs = contenders.map(({ name }) => ({ name, cpuMs: [] as number[] }));
  for (let round = 0; round <= plan.rounds; round++) {
    for (const [place, { run }] of contenders.entries()) {
      const cpuMs = await cpuPerUnitMs(run, plan);
      if (round > 0) costs[place]?.cpuMs.push(cpuMs);
    }
  }
  for (const { cpuMs } of costs) cpuMs.sort((a, b) => a - b);
  return costs;
}

export async function cpuPerUnitMs(
  run: Contender['run'],
  { unitsPerRound, concurrency }: Omit<RoundsPlan, 'rounds'>,
): Promise<number> {
  const before = process.cpuUsage();
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < unitsPerRound) await run(next++);
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / unitsPerRound;
}

/** The lower one of two in the middle. */
export function median(values: readonly number[]): number {
  const ascending = values.toSorted((a, b) => a - b);
  return ascending[Math.floor((ascending.length - 1) / 2)] ?? Number.NaN;
}
