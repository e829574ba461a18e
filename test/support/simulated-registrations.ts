import { SettlementIndex } from '../../src/journal/settlement-index.ts';
import { mqttConversations } from '../../src/mqtt/mqtt-conversation.ts';
import type { Launch } from '../../src/registration/launch.ts';
import type { RegistrationOutcome } from '../../src/registration/registration-outcome.ts';
import { REGISTRATION_POLICY_DEFAULT, type RegistrationPolicy } from '../../src/registration/registration-policy.ts';
import { runRegistration } from '../../src/registration/run-registration.ts';
import type { Clock } from '../../src/time/clock.ts';
import { RegistrationWitness } from './registration-witness.ts';
import { simulatedNetwork } from './simulated-network.ts';
import { SimulatedRandom } from './simulated-random.ts';
import { ModelService } from './simulated-service.ts';
import { UNHEARD } from './unheard.ts';
import { VirtualClock } from './virtual-clock.ts';

/** Registrations of one stretch of virtual time, at whose end all of them have ended. */
const BATCH = 5_000;
/** Between two starts: over 1,000 registrations are under way at a time. */
const SPACING_MS = 20;

/** Narrow enough for every limit to be met. */
const POLICY: RegistrationPolicy = {
  ...REGISTRATION_POLICY_DEFAULT,
  attemptsMax: 4,
  requestRetriesMax: 6,
  pollsMax: 8,
  deadlineMs: 180_000,
  retryAfterMaxMs: 60_000,
  retriesInvalidCertificate: true,
};

type Ended = {
  readonly outcome: RegistrationOutcome;
  readonly problems: readonly string[];
};

type SimulatedWorld = { readonly seed: number; readonly clock: VirtualClock; readonly service: ModelService };

/** Passes time on, and remembers when a timer of this registration last fired. */
class WatchedClock implements Clock {
  readonly #clock: VirtualClock;
  lastWokeAtMs = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  epochMs(): number {
    return this.#clock.epochMs();
  }

  cpuMs(): number {
    return this.#clock.cpuMs();
  }

  wakeAt(atMs: number, wake: () => void) {
    return this.#clock.wakeAt(atMs, () => {
      this.lastWokeAtMs = this.#clock.nowMs();
      wake();
    });
  }
}

function launchOf(sequence: number): Launch {
  return {
    row: sequence,
    round: 1,
    sequence,
    registrationId: `dev-${sequence}`,
    group: null,
    expectedHub: null,
    otherValues: [],
    deviceKey: null,
    certificateFile: null,
    keyFile: null,
    payloadJson: null,
    intendedAtMs: null,
    heldMs: 0,
    notBeforeMs: null,
    permitUntilMs: null,
  };
}

/** Starts one registration; resolves when it has ended, with everything that is not as it must be. */
async function register(
  { seed, clock, service }: SimulatedWorld,
  random: SimulatedRandom,
  sequence: number,
): Promise<Ended> {
  const launch = launchOf(sequence);
  const keys = random.pick([1, 1, 2]);
  const witness = new RegistrationWitness(launch.registrationId, POLICY, keys);
  const watched = new WatchedClock(clock);
  const trouble = random.pick([0, 0, 0, 0, 0.1, 0.6]);
  let throttles = 0;
  const running = runRegistration({
    launch,
    credentials: { keys, password: (_, key) => String(key), clientCertificate: null },
    policy: POLICY,
    seed,
    clock: watched,
    openConversation: mqttConversations(simulatedNetwork(clock, service, { random, trouble, witness }), clock),
    idScope: '0ne00111111',
    apiVersion: '2021-06-01',
    userAgent: 'simulation',
    ...UNHEARD,
    onThrottle: () => {
      throttles += 1;
    },
  });
  const cancelAtMs = random.chance(0.05) ? clock.nowMs() + random.whole(0, 20_000) : Number.POSITIVE_INFINITY;
  if (cancelAtMs < Number.POSITIVE_INFINITY) clock.wakeAt(cancelAtMs, running.cancel);
  const outcome = await running.outcome;
  // Reached when time has come to its end: what was left behind has shown itself.
  const problems = [
    ...witness.problems(outcome, service.assignedHub(launch.registrationId)),
    ...unmarked(outcome, service.registered(launch.registrationId)),
  ];
  if (outcome.row !== sequence) problems.push(`row ${outcome.row}`);
  if (throttles !== outcome.throttles) problems.push(`reported ${throttles} throttles of ${outcome.throttles}`);
  const finishedAtMs = outcome.finishedAtMs ?? 0;
  if (watched.lastWokeAtMs > finishedAtMs) problems.push('left a timer behind');
  if (finishedAtMs > cancelAtMs) problems.push('went on after it was cancelled');
  if (outcome.result === 'cancelled' && finishedAtMs !== cancelAtMs) problems.push('cancelled by nobody');
  return { outcome, problems };
}

/** What the service registered, and neither the outcome nor a run that goes on after it would tell. */
function unmarked(outcome: RegistrationOutcome, registered: number): readonly string[] {
  const index = new SettlementIndex(1, 1);
  index.addOutcome({ ...outcome, row: 0 }, 0);
  const problems: string[] = [];
  if (registered > 1 && !outcome.possiblyTwice) problems.push(`registered ${registered} times, unmarked`);
  if (registered > 0 && !index.wasPossiblySent(0, 1)) problems.push('registered, and would be again, unmarked');
  return problems;
}

/** The registrations from `first` on, in virtual time. */
export async function simulateBatch(seed: number, first: number, registrations: number): Promise<readonly Ended[]> {
  const clock = new VirtualClock();
  const service = new ModelService(seed + first);
  const ended: Ended[] = [];
  let next = first;
  const launchNext = (): void => {
    const random = new SimulatedRandom(Math.imul(seed + next, 0x85ebca6b));
    void register({ seed, clock, service }, random, next).then((end) => ended.push(end));
    next += 1;
    if (next < first + registrations) clock.wakeAt(clock.nowMs() + SPACING_MS, launchNext);
  };
  launchNext();
  clock.runToEnd();
  // Every promise that is settled has been heard when the event loop comes round.
  await new Promise((resolve) => setImmediate(resolve));
  const never = registrations - ended.length;
  if (never > 0 || clock.timers > 0)
    throw new Error(`seed ${seed}: ${never} never ended, ${clock.timers} timers are left`);
  return ended;
}

export type SimulatedRegistrations = {
  /** What is not as it must be, and the outcome. */
  readonly wrong: readonly string[];
  readonly results: ReadonlyMap<string, number>;
  readonly codes: ReadonlySet<string | null>;
};

/** So many registrations against a bad network and a bad service, in virtual time. */
export async function simulateRegistrations(seed: number, registrations: number): Promise<SimulatedRegistrations> {
  const wrong: string[] = [];
  const results = new Map<string, number>();
  const codes = new Set<string | null>();
  for (let first = 0; first < registrations; first += BATCH) {
    for (const { outcome, problems } of await simulateBatch(seed, first, BATCH)) {
      if (problems.length > 0) wrong.push(`seed ${seed}: ${problems.join('; ')}\n${JSON.stringify(outcome)}`);
      results.set(outcome.result, (results.get(outcome.result) ?? 0) + 1);
      codes.add(outcome.errorCode);
    }
  }
  return { wrong, results, codes };
}
