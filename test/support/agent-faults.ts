import type { Direction } from './dropping-proxy.ts';
import type { SimulatedRandom } from './simulated-random.ts';

/** What can happen to one agent. */
const AGENT_FAULTS = [
  'agent-killed',
  'agent-stopped-past-lease',
  'agent-stopped-within-lease',
  'agent-cut-to-redis',
  'agent-cut-from-redis',
  'agent-cut-both-ways',
  'agent-main-loop-blocked',
  'agent-threads-blocked',
  'agent-drained',
] as const;

/** What can happen to all at once. */
const COMMON_FAULTS = [
  'agent-joins-late',
  'redis-restarted-empty',
  'redis-restarted-kept',
  'redis-full',
  'coordinator-killed',
  'coordinator-stopped',
  'coordinator-cut',
] as const;

export const FAULT_KINDS = [...AGENT_FAULTS, ...COMMON_FAULTS] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** How long each lasts, in milliseconds, at least and at most; then it heals. */
const LASTS_MS: Readonly<Record<FaultKind, readonly [number, number]>> = {
  'agent-killed': [200, 8_000],
  'agent-stopped-past-lease': [6_000, 9_000],
  'agent-stopped-within-lease': [200, 4_500],
  'agent-cut-to-redis': [500, 9_000],
  'agent-cut-from-redis': [500, 9_000],
  'agent-cut-both-ways': [500, 9_000],
  'agent-main-loop-blocked': [500, 9_000],
  'agent-threads-blocked': [500, 9_000],
  'agent-drained': [200, 5_000],
  'agent-joins-late': [0, 0],
  'redis-restarted-empty': [0, 6_000],
  'redis-restarted-kept': [0, 6_000],
  'redis-full': [500, 8_000],
  'coordinator-killed': [0, 8_000],
  'coordinator-stopped': [500, 9_000],
  'coordinator-cut': [500, 9_000],
};

/** Faults begin and heal within this time from the first outcome on. */
export const FAULTS_WITHIN_MS = 13_000;

export type Fault = {
  readonly kind: FaultKind;
  /** Number of the agent that it befalls. */
  readonly agent: number;
  readonly atMs: number;
  readonly forMs: number;
  readonly directions: readonly Direction[];
  /** Whether connections that were cut break at the end, or get what waited. */
  readonly isReset: boolean;
};

/** One to three faults at random moments. Seeds in a row begin with each kind in turn. */
export function drawFaults(seed: number, random: SimulatedRandom, agents: number): readonly Fault[] {
  const first = FAULT_KINDS[seed % FAULT_KINDS.length] as FaultKind;
  const kinds = [first];
  const count = random.pick([1, 2, 2, 3]);
  while (kinds.length < count) {
    const kind = random.pick(FAULT_KINDS);
    if (!kinds.some((one) => excludes(one, kind))) kinds.push(kind);
  }
  return kinds.map((kind) => faultOf(kind, random, agents));
}

function faultOf(kind: FaultKind, random: SimulatedRandom, agents: number): Fault {
  const [min, max] = LASTS_MS[kind];
  const forMs = random.whole(min, max);
  return {
    kind,
    agent: random.whole(0, agents - 1),
    atMs: random.whole(0, FAULTS_WITHIN_MS - forMs),
    forMs,
    directions: directionsOf(kind, random),
    isReset: random.chance(0.5),
  };
}

/** One Redis keeps what it has, or does not; and one coordinator is enough trouble at a time. */
function excludes(one: FaultKind, other: FaultKind): boolean {
  if (one === other) return true;
  const isAlike = (prefix: string): boolean => one.startsWith(prefix) && other.startsWith(prefix);
  return isAlike('redis-restarted') || isAlike('coordinator-');
}

function directionsOf(kind: FaultKind, random: SimulatedRandom): readonly Direction[] {
  switch (kind) {
    case 'agent-cut-to-redis':
      return ['to'];
    case 'agent-cut-from-redis':
      return ['from'];
    case 'coordinator-cut':
      return random.pick<readonly Direction[]>([['to'], ['from'], ['to', 'from']]);
    default:
      return ['to', 'from'];
  }
}
