import type { JournalWriter } from '../journal/journal-writer.ts';
import { Credits } from '../load/credits.ts';
import { grantWindowRows } from '../load/grant-window.ts';
import { paceOf, steadyRatePerSecond } from '../load/load-shape.ts';
import { OutageWatch } from '../load/outage-watch.ts';
import { Schedule } from '../load/schedule.ts';
import { shares } from '../load/shares.ts';
import { notStartedOutcome } from '../registration/not-started-outcome.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import type { Clock, Timer } from '../time/clock.ts';
import type { FromWorker, WorkerHealth, WorkerSetup } from '../worker/worker-messages.ts';
import { deferred } from './deferred.ts';
import { type DispatchEnd, Dispatcher } from './dispatcher.ts';
import { HealthSampler } from './health-sampler.ts';
import { LaunchLedger } from './launch-ledger.ts';
import type { Leg } from './leg.ts';
import { PermitDesk } from './permit-desk.ts';
import { type FleetRunEnd, RunEnding } from './run-ending.ts';
import type { RunListener } from './run-listener.ts';
import type { SourceOfWork } from './source-of-work.ts';
import type { StopRequests } from './stop-request.ts';
import type { StopRule } from './stop-rule.ts';
import { startWorkerPool, type WorkerPool } from './worker-pool.ts';

/** From the moment the workers are ready to the first intended start: time for the first grant to reach the disk. */
const START_LEAD_MS = 100;
const SAMPLE_INTERVAL_MS = 1_000;

/** How a session loads the service; all limits are global. */
export type SessionLoad = {
  readonly workers: number;
  readonly concurrency: number;
  /** From the first intended start; `null` = until the work is done. */
  readonly durationMs: number | null;
  /** Register requests a minute, the user's share of the quota; `null` = not metered. */
  readonly sharePerMinute: number | null;
  /** Whether the rate yields to the service's throttling. */
  readonly governor: boolean;
  readonly outageMaxMs: number;
};

export type FleetRunParts = {
  readonly clock: Clock;
  readonly legs: readonly Leg[];
  /** Adds to an outcome what only the run can know. */
  readonly mark: (outcome: RegistrationOutcome) => RegistrationOutcome;
  readonly rules: readonly StopRule[];
  readonly journal: Pick<JournalWriter, 'append' | 'flush' | 'sync'>;
  /** What every worker thread loads: see `REGISTRATION_WORKER`. */
  readonly workerFile: string;
  readonly setup: WorkerSetup;
  readonly load: SessionLoad;
  /** The sources end before the fleet does. */
  readonly limited: boolean;
  readonly emulatorPid: number | null;
  readonly stopRequests: StopRequests;
  readonly listener: RunListener;
};

/** One session on its way: rows out to the workers, outcomes back into the journal and the folds. */
export class FleetRun {
  readonly #parts: FleetRunParts;
  readonly #pool: WorkerPool;
  readonly #credits: Credits;
  readonly #sampler: HealthSampler;
  readonly #ledger = new LaunchLedger();
  readonly #outage = new OutageWatch();
  /** `null` = register requests need no permits. */
  readonly #desk: PermitDesk | null;
  #leg: { readonly rules: readonly StopRule[]; readonly schedule: Schedule; readonly dispatcher: Dispatcher } | null =
    null;
  #launchedLastSecond = 0;
  #sampleTimer: Timer | null = null;
  readonly #ending: RunEnding;
  /** Rejected when the journal cannot be written: nothing may be launched any more. */
  readonly #broken = deferred<never>();

  constructor(parts: FleetRunParts) {
    const { clock, load, setup } = parts;
    this.#parts = parts;
    const concurrencyShares = shares(load.concurrency, load.workers);
    this.#credits = new Credits(concurrencyShares, this.#windowRows(load.concurrency));
    this.#sampler = new HealthSampler(load.workers, clock.nowMs(), parts.emulatorPid);
    this.#pool = startWorkerPool(setup, concurrencyShares, parts.workerFile, (worker, message) =>
      this.#receive(worker, message),
    );
    this.#desk = permitDesk(parts, this.#pool);
    this.#ending = new RunEnding(clock, this.#pool, (end) => {
      this.#leg?.dispatcher.stop();
      parts.listener.stopping(end);
    });
  }

  /** Runs until every released row is settled, or the run is stopped. Rejects when a worker or the journal fails. */
  async run(): Promise<FleetRunEnd> {
    try {
      return await Promise.race([this.#run(), this.#broken.promise]);
    } finally {
      this.#leg?.dispatcher.stop();
      this.#sampleTimer?.cancel();
      this.#ending.close();
      this.#desk?.close();
      await this.#pool.destroy();
    }
  }

  async #run(): Promise<FleetRunEnd> {
    await this.#pool.ready;
    this.#parts.stopRequests.onRequest((request) => this.#ending.stop(request));
    this.#sampleEverySecond();
    const dispatched = await Promise.race([this.#dispatchAll(), this.#pool.ended, this.#ending.abandoned]);
    this.#pool.sendAll({ type: 'noMoreLaunches' });
    await Promise.race([this.#pool.ended, this.#ending.abandoned]);
    this.#sample();
    const limited = this.#parts.limited || dispatched === 'over';
    return this.#ending.end ?? { reason: limited ? 'limit' : 'completed', message: null, atOnce: false };
  }

  async #dispatchAll(): Promise<DispatchEnd> {
    const { clock, legs, load } = this.#parts;
    const endAtMs = clock.nowMs() + START_LEAD_MS + (load.durationMs ?? Number.POSITIVE_INFINITY);
    let sequence = 0;
    for (const leg of legs) {
      const source = leg.openSource();
      try {
        const dispatcher = this.#beginLeg(leg, source, sequence, endAtMs);
        const end = await dispatcher.run();
        if (end !== 'exhausted') return end;
        sequence = dispatcher.sequence;
      } finally {
        await source.close();
      }
    }
    return 'exhausted';
  }

  #beginLeg({ round, rules, shape }: Leg, source: SourceOfWork, firstSequence: number, endAtMs: number) {
    const { clock, journal } = this.#parts;
    const pace = paceOf(shape, clock.nowMs() + START_LEAD_MS);
    const schedule = new Schedule({ pace, permits: this.#desk?.permits ?? null, endAtMs });
    const dispatcher = new Dispatcher({
      clock,
      source,
      schedule,
      credits: this.#credits,
      ledger: this.#ledger,
      round,
      firstSequence,
      writeGrant: async (grant) => {
        journal.append(grant);
        await journal.sync();
      },
      launch: (worker, launches) => this.#pool.send(worker, { type: 'launch', launches }),
    });
    this.#leg = { rules, schedule, dispatcher };
    return dispatcher;
  }

  #receive(worker: number, message: FromWorker): void {
    switch (message.type) {
      case 'outcomes':
        this.#orBreak(() => this.#settleAll(worker, message.outcomes));
        break;
      case 'throttled':
        this.#sampler.addThrottle();
        if (this.#parts.load.governor) {
          this.#desk?.throttled(message.atMs, message.retryAfterSeconds, this.#launchedLastSecond);
        }
        break;
      case 'permitRequested':
        this.#requestPermit(worker, message.sequence);
        break;
      case 'permitWithdrawn':
        this.#desk?.withdraw(worker, message.sequence);
        break;
      case 'health':
        this.#sampler.addHealth(worker, message);
        this.#watchOutage(message);
        break;
      case 'ready':
      case 'ended':
        break;
    }
  }

  #requestPermit(worker: number, sequence: number): void {
    const first = this.#leg?.dispatcher.sequence ?? 0;
    if (this.#desk?.request(worker, sequence, first) !== true) return;
    const message = `of ${first} register requests so many had to be repeated that going on would only add to the load`;
    this.#ending.endFor({ reason: 'retry-budget', message });
  }

  #settleAll(worker: number, outcomes: readonly RegistrationOutcome[]): void {
    this.#credits.settle(worker, outcomes.length);
    this.#sampler.addSettled(outcomes.length);
    for (const outcome of outcomes) this.#settle(outcome);
    this.#parts.journal.flush().catch(this.#broken.reject);
  }

  #settle(outcome: RegistrationOutcome): void {
    const launch = this.#ledger.settle(outcome.row);
    const neverSent = outcome.result === 'not-started' || this.#lostToOutage(outcome);
    const settled = neverSent ? notStartedOutcome(launch) : this.#parts.mark(outcome);
    this.#parts.journal.append({ kind: 'outcome', ...settled });
    if (neverSent && this.#ending.end === null) {
      this.#ledger.putBack(launch);
      if (outcome.result === 'not-started') this.#leg?.schedule.giveBack(1);
      return;
    }
    this.#parts.listener.settled(settled);
    for (const rule of [...this.#parts.rules, ...(this.#leg?.rules ?? [])]) {
      const cause = rule.add(settled);
      if (cause !== null) this.#ending.endFor(cause);
    }
  }

  /** Nothing of it was sent, and that is not for its own sake. */
  #lostToOutage({ registersSent, result }: RegistrationOutcome): boolean {
    if (registersSent > 0 || this.#outage.sinceMs === null) return false;
    return result === 'disconnected' || result === 'timed-out' || this.#ending.end?.reason === 'outage';
  }

  #watchOutage({ signsOfLife, connectionsLost }: WorkerHealth): void {
    const nowMs = this.#parts.clock.nowMs();
    const change = this.#outage.saw(signsOfLife, connectionsLost, nowMs);
    if (change === 'began') {
      this.#leg?.schedule.pause(nowMs);
      this.#pool.sendAll({ type: 'handBackWaiting' });
    } else if (change === 'ended') {
      this.#leg?.schedule.resume(nowMs);
    }
  }

  #endAfterLongOutage(nowMs: number): void {
    const { outageMaxMs } = this.#parts.load;
    if (this.#outage.sinceMs === null || nowMs - this.#outage.sinceMs < outageMaxMs) return;
    this.#ending.endFor({ reason: 'outage', message: `nothing got through for ${Math.round(outageMaxMs / 1000)} s` });
    this.#pool.sendAll({ type: 'cancelAll' });
  }

  #sampleEverySecond(): void {
    this.#sampleTimer = this.#wakeIn(SAMPLE_INTERVAL_MS, () => {
      this.#orBreak(() => this.#sample());
      this.#sampleEverySecond();
    });
  }

  #sample(): void {
    const nowMs = this.#parts.clock.nowMs();
    const sample = this.#sampler.take(nowMs, this.#credits.outstanding, this.#desk?.rateAllowedPerSecond ?? null);
    this.#parts.journal.append(sample);
    this.#parts.listener.sampled(sample);
    this.#launchedLastSecond = sample.launched;
    this.#credits.setWindow(this.#windowRows(sample.launched));
    this.#endAfterLongOutage(nowMs);
  }

  /** Within a quota none: a released row must find a slot free, so that its permit is used when it is valid. */
  #windowRows(launchedPerSecond: number): number {
    if (this.#parts.load.sharePerMinute !== null) return 0;
    const wanted = this.#parts.legs.map(({ shape }) => steadyRatePerSecond(shape) ?? 0);
    return grantWindowRows(Math.max(launchedPerSecond, ...wanted));
  }

  /** For what runs on its own: a failure of the journal must end the run, not be lost. */
  #orBreak(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#broken.reject(error);
    }
  }

  #wakeIn(durationMs: number, wake: () => void): Timer {
    const { clock } = this.#parts;
    return clock.wakeAt(clock.nowMs() + durationMs, wake);
  }
}

function permitDesk({ clock, load, setup }: FleetRunParts, pool: WorkerPool): PermitDesk | null {
  if (load.sharePerMinute === null && !load.governor) return null;
  return new PermitDesk({
    clock,
    ceilingPerSecond: (load.sharePerMinute ?? Number.POSITIVE_INFINITY) / 60,
    retryAfterMaxMs: setup.policy.retryAfterMaxMs,
    grant: (worker, sequence) => pool.send(worker, { type: 'permitGranted', sequence }),
  });
}
