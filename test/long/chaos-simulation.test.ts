import { describe, expect, it } from 'vitest';
import { chaosOptions, chaosRound, chaosStory, FAULT_KINDS } from '../support/chaos-round.ts';
import { brokenPromises, overMarked, overMarkedMax } from '../support/chaos-verdict.ts';

/** Set it to repeat a round that failed. */
const SEED = Number(process.env['DPSLOAD_SIMULATION_SEED'] ?? 20_270_000);
const ROUNDS = Number(process.env['DPSLOAD_CHAOS_ROUNDS'] ?? 10_000);
const ROUNDS_OF_ONE_KIND = 20;

describe(`sessions on agents that fail at random moments, from seed ${SEED}`, () => {
  it(
    `keep every promise in ${ROUNDS} rounds, and mark about a second of launches of a lost agent in vain`,
    async () => {
      const marked: number[] = [];
      for (let seed = SEED; seed < SEED + ROUNDS; seed += 1) {
        const result = await chaosRound(chaosOptions(seed));
        expect(brokenPromises(result), chaosStory(result)).toEqual([]);
        expect(Math.max(0, ...overMarked(result)), chaosStory(result)).toBeLessThanOrEqual(overMarkedMax(result));
        marked.push(...overMarked(result));
      }
      const mean = marked.reduce((sum, count) => sum + count, 0) / marked.length;
      const { ratePerSecond } = chaosOptions(SEED);
      expect(mean).toBeLessThanOrEqual(ratePerSecond / 3);
      process.stdout.write(`${marked.length} workers lost, ${mean.toFixed(2)} launches marked in vain for each\n`);
    },
    2 * 3_600_000,
  );

  it.each(FAULT_KINDS)(`keep every promise with %s alone`, async (kind) => {
    for (let seed = SEED; seed < SEED + ROUNDS_OF_ONE_KIND; seed += 1) {
      const result = await chaosRound(chaosOptions(seed, [kind]));
      expect(brokenPromises(result), chaosStory(result)).toEqual([]);
    }
  }, 3_600_000);
});
