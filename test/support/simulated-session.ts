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
import {
  type PermitChange,
  type RunningRegistration,
  runRegistration,
} from '../../src/registration/run-registration.ts';
import { Dispatcher, type LaunchGate } from '../../src/run/dispatcher.ts';
import { LaunchLedger } from '../../src/run/launch-ledger.ts';
import { PermitIssuer } from '../../src/run/permit-issuer.ts';
import { fleetSource } from '../../src/run/waves.ts';
import { fleetRow } from './launches.ts';
import { type QuotaServiceOptions, SimulatedQuotaService } from './simulated-quota-service.ts';
import { SimulatedRandom } from './simulated-random.ts';
import { SimulatedWorker, type WorkerFault } from './simulated-worker.ts';
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
  readonly workers: number;
  /** Of a message between the session and a worker. */
  readonly messageDelayMaxMs: number;
  readonly faults: readonly WorkerFault[];
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
  readonly #workers: SimulatedWorker[];
  readonly #random: SimulatedRandom;
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
    this.#random = new SimulatedRandom(options.seed + 1);
    this.#workers = Array.from({ length: options.workers }, () => this.#newWorker());
    for (const fault of options.faults) this.#clock.wakeAt(fault.atMs, () => this.#happen(fault));
    this.#credits = new Credits(shares(options.concurrency, options.workers), 0);
    this.#settledRows = new Uint8Array(options.registrations);
    this.#permits = new PermitIssuer({
      clock: this.#clock,
      sharePerMinute: options.sharePerMinute,
      permitLapseMs: PERMIT_LAPSE_MS,
      askedPerSecond: askedPerSecond(options.shape, options.concurrency),
      retryAfterMaxMs: POLICY.retryAfterMaxMs,
      grant: (worker, sequence, validUntilMs) => this.#grant(worker, sequence, validUntilMs),
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
      takeBack: (launches) => {
        for (const launch of launches) this.#ledger.requeueUnsent(launch);
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

  #newWorker(): SimulatedWorker {
    return new SimulatedWorker(this.#clock, this.#random, this.#options.messageDelayMaxMs);
  }

  #workerOf(worker: number): SimulatedWorker {
    const found = this.#workers[worker];
    if (found === undefined) throw new Error(`there is no worker ${worker}`);
    return found;
  }

  #happen({ worker, kind, durationMs }: WorkerFault): void {
    if (kind === 'stands-still') {
      this.#workerOf(worker).standStill(durationMs);
      return;
    }
    this.#workerOf(worker).die();
    this.#credits.close(worker);
    const lost = this.#ledger.launchesOf(worker);
    this.#credits.settle(worker, lost.length);
    for (const launch of lost) {
      this.#permits.withdraw(worker, launch.sequence);
      this.#running.delete(launch.sequence);
      this.#service.left(launch.registrationId);
      this.#ledger.settle(launch.row);
      this.#ledger.requeuePossiblySent(launch);
    }
    this.#clock.wakeAt(this.#clock.nowMs() + durationMs, () => {
      this.#workers[worker] = this.#newWorker();
      this.#credits.open(worker);
    });
  }

  #launch(worker: number, launches: readonly Launch[]): void {
    this.#outstandingMax = Math.max(this.#outstandingMax, this.#credits.outstanding);
    const host = this.#workerOf(worker);
    host.tell(() => {
      for (const launch of launches) {
        const { permitUntilMs } = launch;
        this.#permitsAtMs.push(permitUntilMs === null ? this.#clock.nowMs() : permitUntilMs - PERMIT_LAPSE_MS);
        const startAtMs = launch.notBeforeMs ?? this.#clock.nowMs();
        host.clock.wakeAt(startAtMs, () => this.#start(worker, host, launch));
      }
    });
  }

  #start(worker: number, host: SimulatedWorker, launch: Launch): void {
    const { sequence } = launch;
    this.#firstAtMs = Math.min(this.#firstAtMs, launch.intendedAtMs ?? this.#clock.nowMs());
    const running = runRegistration({
      ...ON_TIME,
      launch,
      credentials: { keys: 1, password: () => null, clientCertificate: null },
      policy: POLICY,
      seed: this.#options.seed,
      clock: host.clock,
      openConversation: mqttConversations(host.connecting(this.#service.open), host.clock),
      idScope: '0ne00111111',
      apiVersion: '2021-06-01',
      userAgent: 'simulation',
      onThrottle: (retryAfterSeconds) => {
        const atMs = this.#clock.nowMs();
        host.report(() => {
          if (this.#options.governor) this.#permits.throttled(atMs, retryAfterSeconds);
        });
      },
      onConnection: () => {},
      onHold: () => {},
      onProgress: () => {},
      onPermit: (change) => host.report(() => this.#changePermit(worker, sequence, change)),
    });
    this.#running.set(sequence, running);
    void running.outcome.then((outcome) => host.report(() => this.#settle(worker, outcome)));
  }

  #changePermit(worker: number, sequence: number, change: PermitChange): void {
    if (change.type === 'withdraw') this.#permits.withdraw(worker, sequence);
    else if (this.#permits.request(worker, sequence, change.repeats, this.#sequence))
      this.#violations.push('retry budget exhausted');
  }

  #grant(worker: number, sequence: number, validUntilMs: number): void {
    this.#repeated += 1;
    this.#permitsAtMs.push(validUntilMs - PERMIT_LAPSE_MS);
    this.#workerOf(worker).tell(() => this.#running.get(sequence)?.permitGranted(validUntilMs));
  }

  #settle(worker: number, outcome: RegistrationOutcome): void {
    this.#running.delete(outcome.sequence ?? -1);
    this.#credits.settle(worker, 1);
    const launch = this.#ledger.settle(outcome.row);
    this.#permits.settled(launch, outcome);
    this.#lastEndMs = Math.max(this.#lastEndMs, outcome.finishedAtMs ?? 0);
    this.#results.set(outcome.result, (this.#results.get(outcome.result) ?? 0) + 1);
    if (this.#settledRows[outcome.row] !== 0) this.#violations.push(`row ${outcome.row} settled twice`);
    this.#settledRows[outcome.row] = 1;
    const accepted = this.#service.takeAccepted(outcome.registrationId);
    const isMarked = outcome.possiblyTwice || this.#ledger.wasPossiblySent(launch);
    if (accepted > 1 && !isMarked) this.#violations.push(`row ${outcome.row} registered twice, unmarked`);
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
