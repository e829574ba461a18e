import type { SampleRecord } from '../journal/journal-record.ts';
import type { JournalWriter } from '../journal/journal-writer.ts';
import { Credits, shares } from '../load/credits.ts';
import { OutageWatch } from '../load/outage-watch.ts';
import { askedPerSecond, paceOf, steadyRatePerSecond } from '../load/pace.ts';
import { rowsAhead, Schedule } from '../load/schedule.ts';
import { readTime, StandstillWatch, TIME_LOOK_INTERVAL_MS } from '../load/standstill-watch.ts';
import type { Launch } from '../registration/launch.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { notStartedOutcome } from '../registration/unsent-outcomes.ts';
import { type Clock, repeat, type Timer } from '../time/clock.ts';
import { deferred } from '../worker/deferred.ts';
import type { FromWorker, WorkerHealth, WorkerSetup } from '../worker/worker-messages.ts';
import type { StartWorkerPool, WorkerPool } from '../worker/worker-pool.ts';
import { type DispatchEnd, Dispatcher } from './dispatcher.ts';
import { HealthSampler } from './health-sampler.ts';
import { LaunchLedger } from './launch-ledger.ts';
import { PermitIssuer } from './permit-issuer.ts';
import type { RunListener } from './run-listener.ts';
import { type SessionEnd, SessionEnding } from './session-ending.ts';
import type { StopRequests } from './stop-request.ts';
import type { StopRule } from './stop-rules.ts';
import { type RowSource, stoppingSource, type Wave } from './waves.ts';
import { WORKER_SILENCE_MAX_SECONDS, WorkerWatch } from './worker-watch.ts';

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

export type RunSessionParts = {
  readonly clock: Clock;
  readonly waves: readonly Wave[];
  /** Adds to an outcome what only the run can know. */
  readonly mark: (outcome: RegistrationOutcome) => RegistrationOutcome;
  readonly rules: readonly StopRule[];
  readonly journal: Pick<JournalWriter, 'append' | 'flush' | 'sync'>;
  readonly startPool: StartWorkerPool;
  readonly setup: WorkerSetup;
  readonly load: SessionLoad;
  /** The sources end before the fleet does. */
  readonly limited: boolean;
  readonly emulatorPid: number | null;
  readonly stopRequests: StopRequests;
  readonly listener: RunListener;
};

/** One session on its way: rows out to the workers, outcomes back into the journal and the folds. */
export class RunSession {
  readonly #parts: RunSessionParts;
  readonly #pool: WorkerPool;
  readonly #credits: Credits;
  readonly #sampler: HealthSampler;
  readonly #ledger = new LaunchLedger();
  readonly #outage = new OutageWatch();
  readonly #workers: WorkerWatch;
  readonly #standstill: StandstillWatch;
  /** Rows of a worker that was lost: it may have sent them. */
  readonly #possiblySent = new Set<number>();
  /** Rows may still be released. */
  #dispatching = true;
  /** `null` = register requests need no permits. */
  readonly #permits: PermitIssuer | null;
  #leg: { readonly rules: readonly StopRule[]; readonly schedule: Schedule; readonly dispatcher: Dispatcher } | null =
    null;
  #timers: readonly Timer[] = [];
  /** Since the last sample the wall clock went its own way. */
  #clockMoved = false;
  readonly #ending: SessionEnding;
  /** Rejected when the journal cannot be written: nothing may be launched any more. */
  readonly #broken = deferred<never>();

  constructor(parts: RunSessionParts) {
    const { clock, load, setup } = parts;
    this.#parts = parts;
    const concurrencyShares = shares(load.concurrency, load.workers);
    this.#credits = new Credits(concurrencyShares, this.#rowsAhead(load.concurrency));
    this.#sampler = new HealthSampler(load.workers, clock, parts.emulatorPid);
    this.#pool = parts.startPool(
      { setup, concurrencyShares, clock },
      {
        message: (worker, message) => this.#receive(worker, message),
        lost: (worker, reason) => this.#orBreak(() => this.#goOnWithout(worker, reason)),
      },
    );
    this.#workers = new WorkerWatch(load.workers);
    this.#standstill = new StandstillWatch(readTime(clock));
    this.#permits = permitIssuer(parts, this.#pool);
    this.#ending = new SessionEnding(clock, this.#pool, (end) => {
      this.#leg?.dispatcher.stop();
      parts.listener.stopping(end);
    });
  }

  /** Runs until every released row is settled, or the run is stopped. Rejects when the journal fails. */
  async run(): Promise<SessionEnd> {
    try {
      return await Promise.race([this.#run(), this.#broken.promise]);
    } finally {
      this.#leg?.dispatcher.stop();
      for (const timer of this.#timers) timer.cancel();
      this.#ending.close();
      this.#permits?.close();
      await this.#pool.destroy();
    }
  }

  async #run(): Promise<SessionEnd> {
    this.#parts.stopRequests.onRequest((request) => this.#ending.stop(request));
    await Promise.race([this.#pool.ready, this.#ending.abandoned]);
    const { clock } = this.#parts;
    this.#timers = [
      repeat(clock, SAMPLE_INTERVAL_MS, () => this.#orBreak(() => this.#sample())),
      repeat(clock, TIME_LOOK_INTERVAL_MS, () => this.#lookAtTime()),
    ];
    const dispatched = await Promise.race([this.#dispatchAll(), this.#ending.abandoned]);
    this.#dispatching = false;
    this.#pool.sendAll({ type: 'noMoreLaunches' });
    await Promise.race([this.#pool.ended, this.#ending.abandoned]);
    this.#sample();
    const limited = this.#parts.limited || dispatched === 'over';
    return this.#ending.end ?? { reason: limited ? 'limit' : 'completed', message: null, atOnce: false };
  }

  async #dispatchAll(): Promise<DispatchEnd> {
    const { clock, waves: legs, load } = this.#parts;
    const endAtMs = clock.nowMs() + START_LEAD_MS + (load.durationMs ?? Number.POSITIVE_INFINITY);
    let sequence = 0;
    for (const leg of legs) {
      if (this.#ending.end !== null) return 'stopped';
      const source = stoppingSource(leg.openSource(), (message) => this.#ending.endFor({ reason: 'failed', message }));
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

  #beginLeg({ round, rules, shape }: Wave, source: RowSource, firstSequence: number, endAtMs: number) {
    const { clock, journal } = this.#parts;
    const pace = paceOf(shape, clock.nowMs() + START_LEAD_MS);
    const schedule = new Schedule({ pace, permits: this.#permits?.permits ?? null, endAtMs });
    // The leg before may have ended in an outage.
    if (this.#outage.sinceMs !== null) schedule.pause(clock.nowMs());
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
      takeBack: (launches) => this.#takeBack(launches),
      lookAtTime: () => this.#lookAtTime(),
    });
    this.#leg = { rules, schedule, dispatcher };
    return dispatcher;
  }

  #takeBack(launches: readonly Launch[]): void {
    for (const launch of launches) {
      this.#parts.journal.append({ kind: 'outcome', ...notStartedOutcome(launch) });
      this.#ledger.requeueUnsent(launch);
    }
  }

  #receive(worker: number, message: FromWorker): void {
    switch (message.type) {
      case 'outcomes':
        this.#orBreak(() => this.#settleAll(worker, message.outcomes));
        break;
      case 'connected':
        for (const rule of this.#parts.rules) rule.deviceConnected?.();
        break;
      case 'throttled':
        this.#sampler.addThrottle();
        if (this.#parts.load.governor) {
          this.#permits?.throttled(message.atMs, message.retryAfterSeconds);
        }
        break;
      case 'permitRequested':
        this.#requestPermit(worker, message.sequence, message.repeats);
        break;
      case 'permitWithdrawn':
        this.#permits?.withdraw(worker, message.sequence);
        break;
      case 'health':
        this.#workers.heard(worker);
        this.#sampler.addHealth(worker, message);
        this.#watchOutage(message);
        break;
      case 'ready':
      case 'ended':
        break;
    }
  }

  #requestPermit(worker: number, sequence: number, repeats: boolean): void {
    const first = this.#leg?.dispatcher.sequence ?? 0;
    if (this.#permits?.request(worker, sequence, repeats, first) !== true) return;
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
    const possiblyTwice = outcome.possiblyTwice || this.#possiblySent.has(outcome.row);
    const settled = neverSent ? notStartedOutcome(launch) : this.#parts.mark({ ...outcome, possiblyTwice });
    if (!neverSent) this.#possiblySent.delete(outcome.row);
    this.#parts.journal.append({ kind: 'outcome', ...settled });
    if (neverSent && this.#ending.end === null) {
      this.#ledger.requeueUnsent(launch);
      if (outcome.result === 'not-started') this.#leg?.schedule.giveBack(1);
      return;
    }
    this.#parts.listener.settled(settled);
    for (const rule of [...this.#parts.rules, ...(this.#leg?.rules ?? [])]) {
      const cause = rule.add(settled);
      if (cause !== null) this.#ending.endFor(cause);
    }
  }

  /**
   * A thread died, or was ended because it hung. What it held is registered again by the one in its place, and marked, since it
   * may have been sent; where nothing is released any more it stays without an outcome.
   */
  #goOnWithout(worker: number, { message }: Error): void {
    const lost = this.#ledger.lost(worker);
    this.#credits.settle(worker, lost.length);
    for (const { sequence } of lost) this.#permits?.withdraw(worker, sequence);
    const what = `worker ${worker + 1} is lost (${message}) with ${lost.length} registrations that were perhaps sent`;
    const goesOn = this.#dispatching && this.#ending.end === null;
    if (goesOn && this.#workers.mayReplace(worker)) {
      for (const launch of lost) {
        this.#possiblySent.add(launch.row);
        this.#ledger.requeuePossiblySent(launch);
      }
      this.#leg?.schedule.giveBack(lost.length);
      this.#pool.replace(worker);
      this.#parts.listener.notice(`${what}; a new one makes them again, and they are marked possibly_twice`);
    } else {
      this.#pool.giveUp(worker);
      if (goesOn) this.#ending.endFor({ reason: 'failed', message: `${what}, as others before it` });
      this.#parts.listener.notice(`${what}; they stay unknown until the run is resumed`);
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
      this.#parts.listener.notice(
        'nothing gets through any more: launching pauses, and one device at a time tries again',
      );
    } else if (change === 'ended') {
      this.#leg?.schedule.resume(nowMs);
      this.#parts.listener.notice('the target answers again: launching goes on');
    }
  }

  #endAfterLongOutage(nowMs: number): void {
    const { outageMaxMs } = this.#parts.load;
    if (this.#outage.sinceMs === null || nowMs - this.#outage.sinceMs < outageMaxMs) return;
    this.#ending.endFor({ reason: 'outage', message: `nothing got through for ${Math.round(outageMaxMs / 1000)} s` });
    this.#pool.sendAll({ type: 'cancelAll' });
  }

  #sample(): void {
    this.#lookAtTime();
    const sample: SampleRecord = {
      ...this.#sampler.take(this.#credits.outstanding, this.#permits?.rateAllowedPerSecond ?? null),
      epochAtZeroMs: this.#clockMoved ? this.#standstill.epochAtZeroMs : null,
    };
    this.#clockMoved = false;
    this.#parts.journal.append(sample);
    this.#parts.listener.sampled(sample);
    this.#credits.setRowsAhead(this.#rowsAhead(sample.launched));
    this.#endAfterLongOutage(sample.atMs);
    for (const worker of this.#workers.tick()) {
      this.#pool.kill(worker, new Error(`it was silent for ${WORKER_SILENCE_MAX_SECONDS} s`));
    }
  }

  #lookAtTime(): void {
    const { clock, listener } = this.#parts;
    const { standstillMs, clockMovedMs } = this.#standstill.look(readTime(clock));
    const seconds = (durationMs: number): string => `${Math.round(durationMs / 1000)} s`;
    if (standstillMs > 0) {
      this.#leg?.schedule.skip(standstillMs);
      this.#outage.skip(standstillMs);
      listener.notice(
        `nothing ran for ${seconds(standstillMs)}: the schedule goes on from now, what was held back says so`,
      );
    }
    if (clockMovedMs !== 0) {
      this.#clockMoved = true;
      listener.notice(`the wall clock moved by ${seconds(clockMovedMs)}: it was set, or the machine slept`);
    }
  }

  /** Within a quota none: a released row must find a slot free, so that its permit is used when it is valid. */
  #rowsAhead(launchedPerSecond: number): number {
    if (this.#parts.load.sharePerMinute !== null) return 0;
    const wanted = this.#parts.waves.map(({ shape }) => steadyRatePerSecond(shape) ?? 0);
    return rowsAhead(Math.max(launchedPerSecond, ...wanted));
  }

  /** For what runs on its own: a failure of the journal must end the run, not be lost. */
  #orBreak(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#broken.reject(error);
    }
  }
}

function permitIssuer({ clock, waves: legs, load, setup }: RunSessionParts, pool: WorkerPool): PermitIssuer | null {
  if (load.sharePerMinute === null && !load.governor) return null;
  return new PermitIssuer({
    clock,
    ceilingPerSecond: (load.sharePerMinute ?? Number.POSITIVE_INFINITY) / 60,
    // Of the last leg: before it comes at most a canary, which is over soon.
    askedPerSecond: askedPerSecond(legs.at(-1)?.shape ?? { kind: 'closed' }, load.concurrency),
    retryAfterMaxMs: setup.policy.retryAfterMaxMs,
    grant: (worker, sequence) => pool.send(worker, { type: 'permitGranted', sequence }),
  });
}
