import type { OpenConversation } from '../../src/conversation/conversation.ts';
import type { FleetRow } from '../../src/fleet/fleet-row.ts';
import { Credits, shares } from '../../src/load/credits.ts';
import { askedPerSecond, type LoadShape, paceOf } from '../../src/load/pace.ts';
import { Schedule } from '../../src/load/schedule.ts';
import { mqttConversations } from '../../src/mqtt/mqtt-conversation.ts';
import type { Launch } from '../../src/registration/launch.ts';
import type { RegistrationOutcome } from '../../src/registration/registration-outcome.ts';
import {
  PERMIT_LAPSE_MS,
  REGISTRATION_POLICY_DEFAULT,
  type RegistrationPolicy,
} from '../../src/registration/registration-policy.ts';
import { type RunningRegistration, runRegistration } from '../../src/registration/run-registration.ts';
import { Dispatcher, type LaunchGate } from '../../src/run/dispatcher.ts';
import { LaunchLedger } from '../../src/run/launch-ledger.ts';
import { PermitIssuer } from '../../src/run/permit-issuer.ts';
import { fleetSource } from '../../src/run/waves.ts';
import { fleetRow } from './launches.ts';
import { type QuotaServiceOptions, SimulatedQuotaService } from './simulated-quota-service.ts';
import { SimulatedRandom } from './simulated-random.ts';
import { ON_TIME } from './unheard.ts';
import { VirtualClock } from './virtual-clock.ts';

const POLICY: RegistrationPolicy = { ...REGISTRATION_POLICY_DEFAULT, permitLapseMs: PERMIT_LAPSE_MS };

const NO_OUTAGE: LaunchGate = {
  isOutage: false,
  wantsRow: () => false,
  probeStarted: () => {},
  probeEnded: () => {},
  launchable: (count) => count,
};

/** Virtual time goes in these steps; all that promises do happens at their ends. */
const STEP_MS = 100;

export type SimulatedSessionOptions = {
  readonly seed: number;
  readonly registrations: number;
  readonly shape: LoadShape;
  readonly concurrency: number;
  /** `null` = the governor alone bounds the load. */
  readonly sharePerMinute: number | null;
  readonly governor: boolean;
  readonly service: QuotaServiceOptions;
  /** Register requests a minute that somebody else sends meanwhile. */
  readonly foreignPerMinute: number;
};

export type SimulatedSessionResult = {
  readonly violations: readonly string[];
  readonly results: ReadonlyMap<string, number>;
  /** First intended start to last end. */
  readonly durationMs: number;
  readonly requests: number;
  readonly throttled: number;
  readonly foreignThrottled: number;
  /** When the permit of each register request was valid, first and repeated. */
  readonly permitsAtMs: readonly number[];
  readonly registersAtMs: readonly number[];
  /** Largest number of rows without an outcome at a time. */
  readonly outstandingMax: number;
  readonly repeated: number;
};

/** A session of the real dispatcher, permits, governor, machine and driver against a simulated service, in virtual time. */
export async function simulateSession(options: SimulatedSessionOptions): Promise<SimulatedSessionResult> {
  const session = new SimulatedSession(options);
  return await session.run();
}

class SimulatedSession {
  readonly #options: SimulatedSessionOptions;
  readonly #clock = new VirtualClock();
  readonly #service: SimulatedQuotaService;
  readonly #conversations: OpenConversation;
  readonly #credits: Credits;
  readonly #ledger = new LaunchLedger();
  readonly #permits: PermitIssuer;
  readonly #running = new Map<number, RunningRegistration>();
  readonly #violations: string[] = [];
  readonly #results = new Map<string, number>();
  readonly #permitsAtMs: number[] = [];
  readonly #settledRows: Uint8Array;
  #outstandingMax = 0;
  #repeated = 0;
  #firstAtMs = Number.POSITIVE_INFINITY;
  #lastEndMs = 0;
  #sequence = 0;

  constructor(options: SimulatedSessionOptions) {
    this.#options = options;
    this.#service = new SimulatedQuotaService(this.#clock, new SimulatedRandom(options.seed), options.service);
    this.#conversations = mqttConversations(this.#service.open, this.#clock);
    this.#credits = new Credits(shares(options.concurrency, 2), 0);
    this.#settledRows = new Uint8Array(options.registrations);
    this.#permits = new PermitIssuer({
      clock: this.#clock,
      sharePerMinute: options.sharePerMinute,
      permitLapseMs: PERMIT_LAPSE_MS,
      askedPerSecond: askedPerSecond(options.shape, options.concurrency),
      retryAfterMaxMs: POLICY.retryAfterMaxMs,
      grant: (_, sequence, validUntilMs) => this.#grant(sequence, validUntilMs),
    });
  }

  async run(): Promise<SimulatedSessionResult> {
    const { foreignPerMinute, registrations, shape } = this.#options;
    if (foreignPerMinute > 0) this.#service.loadFromElsewhere(foreignPerMinute, Number.POSITIVE_INFINITY);
    const dispatcher = new Dispatcher({
      clock: this.#clock,
      source: fleetSource(fleet(registrations)),
      schedule: new Schedule({
        pace: paceOf(shape, 0),
        permits: this.#permits.permits,
        endAtMs: Number.POSITIVE_INFINITY,
      }),
      credits: this.#credits,
      ledger: this.#ledger,
      round: 1,
      firstSequence: 0,
      writeGrant: async () => {},
      outage: NO_OUTAGE,
      lookAtTime: () => {},
      launch: (worker, launches) => this.#launch(worker, launches),
      takeBack: () => {
        throw new Error('there are no outages here');
      },
    });
    let ended = false;
    void dispatcher.run().then(() => {
      ended = true;
    });
    while (!ended) {
      await new Promise((resolve) => setImmediate(resolve));
      this.#sequence = dispatcher.sequence;
      this.#clock.advanceTo(this.#clock.nowMs() + STEP_MS);
    }
    return this.#result();
  }

  #launch(worker: number, launches: readonly Launch[]): void {
    this.#outstandingMax = Math.max(this.#outstandingMax, this.#credits.outstanding);
    for (const launch of launches) {
      const startAtMs = launch.notBeforeMs ?? this.#clock.nowMs();
      this.#clock.wakeAt(startAtMs, () => this.#start(worker, launch));
    }
  }

  #start(worker: number, launch: Launch): void {
    const { sequence } = launch;
    this.#permitsAtMs.push(this.#clock.nowMs());
    this.#firstAtMs = Math.min(this.#firstAtMs, launch.intendedAtMs ?? this.#clock.nowMs());
    const running = runRegistration({
      ...ON_TIME,
      launch,
      credentials: { keys: 1, password: () => null, clientCertificate: null },
      policy: POLICY,
      seed: this.#options.seed,
      clock: this.#clock,
      openConversation: this.#conversations,
      idScope: '0ne00111111',
      apiVersion: '2021-06-01',
      userAgent: 'simulation',
      onThrottle: (retryAfterSeconds) => {
        if (this.#options.governor) this.#permits.throttled(this.#clock.nowMs(), retryAfterSeconds);
      },
      onConnection: () => {},
      onHold: () => {},
      onProgress: () => {},
      onPermit: (change) => {
        if (change.type === 'withdraw') this.#permits.withdraw(worker, sequence);
        else if (this.#permits.request(worker, sequence, change.repeats, this.#sequence))
          this.#violations.push('retry budget exhausted');
      },
    });
    this.#running.set(sequence, running);
    void running.outcome.then((outcome) => this.#settle(worker, outcome));
  }

  #grant(sequence: number, validUntilMs: number): void {
    this.#repeated += 1;
    this.#permitsAtMs.push(this.#clock.nowMs());
    this.#running.get(sequence)?.permitGranted(validUntilMs);
  }

  #settle(worker: number, outcome: RegistrationOutcome): void {
    this.#running.delete(outcome.sequence ?? -1);
    this.#credits.settle(worker, 1);
    this.#permits.settled(this.#ledger.settle(outcome.row), outcome);
    this.#lastEndMs = Math.max(this.#lastEndMs, outcome.finishedAtMs ?? 0);
    this.#results.set(outcome.result, (this.#results.get(outcome.result) ?? 0) + 1);
    if (this.#settledRows[outcome.row] !== 0) this.#violations.push(`row ${outcome.row} settled twice`);
    this.#settledRows[outcome.row] = 1;
    const accepted = this.#service.takeAccepted(outcome.registrationId);
    if (accepted > 1 && !outcome.possiblyTwice) this.#violations.push(`row ${outcome.row} registered twice, unmarked`);
    if (accepted === 0 && outcome.result === 'assigned')
      this.#violations.push(`row ${outcome.row} was never registered`);
  }

  #result(): SimulatedSessionResult {
    const unsettled = this.#settledRows.filter((settled) => settled === 0).length;
    if (unsettled > 0) this.#violations.push(`${unsettled} rows never settled`);
    this.#permits.close();
    return {
      violations: [...this.#violations, ...this.#service.violations],
      results: this.#results,
      durationMs: this.#lastEndMs - this.#firstAtMs,
      requests: this.#service.requests,
      throttled: this.#service.throttled,
      foreignThrottled: this.#service.foreignThrottled,
      permitsAtMs: this.#permitsAtMs,
      registersAtMs: this.#service.registersAtMs,
      outstandingMax: this.#outstandingMax,
      repeated: this.#repeated,
    };
  }
}

async function* fleet(rows: number): AsyncGenerator<FleetRow> {
  for (let row = 0; row < rows; row += 1) yield fleetRow(row);
}
