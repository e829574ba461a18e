import type { JournalWriter } from '../journal/journal-writer.ts';
import { Credits, shares } from '../load/credits.ts';
import { askedPerSecond, type LoadShape, paceOf, steadyRatePerSecond } from '../load/pace.ts';
import { rowsAhead, Schedule } from '../load/schedule.ts';
import { TIME_LOOK_INTERVAL_MS } from '../load/standstill-watch.ts';
import type { EventCounts } from '../registration/event-counts.ts';
import type { Launch } from '../registration/launch.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { PERMIT_LAPSE_MS } from '../registration/registration-policy.ts';
import { notStartedOutcome } from '../registration/unsent-outcomes.ts';
import { formatCount } from '../report/format.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { type Clock, repeat, type Timer } from '../time/clock.ts';
import { deferred } from '../worker/deferred.ts';
import type { FromWorker, WorkerSetup } from '../worker/worker-messages.ts';
import type { StartWorkerPool, WorkerPool } from '../worker/worker-pool.ts';
import { type DispatchEnd, Dispatcher } from './dispatcher.ts';
import { Disruptions } from './disruptions.ts';
import { HealthSampler } from './health-sampler.ts';
import { LaunchLedger } from './launch-ledger.ts';
import { lossNotice } from './loss-notices.ts';
import { PermitIssuer } from './permit-issuer.ts';
import { type PinChoice, RowPins } from './row-pins.ts';
import type { RunListener } from './run-listener.ts';
import { sampleEverySecond } from './sample-timer.ts';
import { type SessionEnd, SessionEnding } from './session-ending.ts';
import type { StopRequests } from './stop-request.ts';
import type { StopRule } from './stop-rules.ts';
import { type RowSource, stoppingSource, type Wave } from './waves.ts';
import { WORKER_SILENCE_MAX_SECONDS, WorkerWatch } from './worker-watch.ts';

/** From the moment the workers are ready to the first intended start: time for the first grant to reach the disk. */
const START_LEAD_MS = 100;

/** How a session loads the service; all limits are global. */
type SessionLoad = Pick<
  Scenario['load'],
  'workers' | 'concurrency' | 'durationMs' | 'governor' | 'onOutage' | 'outageMaxMs'
> & {
  /** Register requests a minute, the operator's share of the quota; `null` = not metered. */
  readonly sharePerMinute: number | null;
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
  /** Where rows may go; `null` = to any worker. */
  readonly pins: PinChoice | null;
  /** `--limit` leaves out rows of the selection. */
  readonly limited: boolean;
  readonly emulatorPid: number | null;
  readonly stopRequests: StopRequests;
  readonly listener: RunListener;
};

type CurrentWave = {
  readonly rules: readonly StopRule[];
  readonly shape: LoadShape;
  readonly schedule: Schedule;
  readonly dispatcher: Dispatcher;
};

/** One session of a run: rows go out to the workers, outcomes come back into the journal and to the listener. */
export class RunSession {
  readonly #parts: RunSessionParts;
  readonly #pool: WorkerPool;
  readonly #credits: Credits;
  readonly #ledger: LaunchLedger;
  /** `null` = register requests need no permits. */
  readonly #permits: PermitIssuer | null;
  readonly #sampler: HealthSampler;
  readonly #workers: WorkerWatch;
  readonly #disruptions: Disruptions;
  readonly #ending: SessionEnding;
  #wave: CurrentWave | null = null;
  /** Rows may still be released. */
  #dispatching = true;
  /** Rejected when the journal cannot be written: nothing may be launched after that. */
  readonly #broken = deferred<never>();

  constructor(parts: RunSessionParts) {
    const { clock, listener, load, setup } = parts;
    this.#parts = parts;
    const concurrencyShares = shares(load.concurrency, load.workers);
    this.#credits = new Credits(concurrencyShares, this.#rowsAhead(load.concurrency));
    this.#ledger = new LaunchLedger(
      parts.pins === null ? null : new RowPins(parts.pins, this.#credits, () => this.#pool.agents()),
    );
    this.#sampler = new HealthSampler(load.workers, clock, parts.emulatorPid);
    this.#pool = parts.startPool(
      { setup, concurrencyShares, clock },
      {
        message: (worker, message) => this.#orBreak(() => this.#receive(worker, message)),
        lost: (...loss) => this.#orBreak(() => this.#workerLost(...loss)),
        silent: (worker, isSilent) => this.#workers.silent(worker, isSilent),
        starved: (message) => this.#orBreak(() => this.#starved(message)),
      },
    );
    this.#workers = new WorkerWatch(load.workers, this.#pool.replacementsMax, this.#credits);
    this.#permits = permitIssuer(parts, this.#pool);
    this.#disruptions = new Disruptions({
      clock,
      listener,
      holds: load.onOutage === 'hold',
      outageMaxMs: load.outageMaxMs,
      workers: this.#pool,
      limitPerSecond: () => this.#limitPerSecond(),
    });
    this.#ending = new SessionEnding(clock, this.#pool, (end) => {
      this.#wave?.dispatcher.stop();
      listener.stopping(end);
    });
  }

  /** Runs until every released row is settled, or the run is stopped. Rejects when the journal fails. */
  async run(): Promise<SessionEnd> {
    const timers: Timer[] = [];
    try {
      return await Promise.race([this.#run(timers), this.#broken.promise]);
    } finally {
      this.#wave?.dispatcher.stop();
      for (const timer of timers) timer.cancel();
      this.#ending.close();
      this.#permits?.close();
      await this.#pool.destroy();
    }
  }

  async #run(timers: Timer[]): Promise<SessionEnd> {
    const { clock, limited, stopRequests } = this.#parts;
    stopRequests.onRequest((request) => this.#ending.stop(request));
    await Promise.race([this.#pool.ready, this.#ending.abandoned]);
    this.#sampler.begin();
    const hasReports = (secondMs: number): boolean => this.#sampler.hasReportsOf(secondMs);
    timers.push(
      sampleEverySecond(clock, hasReports, (secondMs) => this.#orBreak(() => this.#sample(secondMs))),
      repeat(clock, TIME_LOOK_INTERVAL_MS, () => this.#orBreak(() => this.#look())),
    );
    const dispatched = await Promise.race([this.#dispatchWaves(), this.#ending.abandoned]);
    this.#dispatching = false;
    this.#parts.listener.entered({ kind: 'draining' });
    this.#pool.sendAll({ type: 'noMoreLaunches' });
    for (const worker of this.#workers.gone) this.#pool.giveUp(worker);
    await Promise.race([this.#pool.ended, this.#ending.abandoned]);
    this.#settleSuspects(true);
    this.#sample(clock.nowMs());
    const reason = limited || dispatched === 'over' ? 'limit' : 'completed';
    return this.#ending.end ?? { reason, message: null, atOnce: false };
  }

  async #dispatchWaves(): Promise<DispatchEnd> {
    const { clock, listener, load, waves } = this.#parts;
    const endAtMs = clock.nowMs() + START_LEAD_MS + (load.durationMs ?? Number.POSITIVE_INFINITY);
    let sequence = 0;
    for (const wave of waves) {
      if (this.#ending.end !== null) return 'stopped';
      const { canaryDevices } = wave;
      listener.entered(canaryDevices === null ? { kind: 'launching' } : { kind: 'canary', devices: canaryDevices });
      const source = stoppingSource(wave.openSource(), (message) => this.#ending.endFor({ reason: 'failed', message }));
      try {
        const dispatcher = this.#beginWave(wave, source, sequence, endAtMs);
        const end = await dispatcher.run();
        if (end !== 'exhausted') return end;
        sequence = dispatcher.sequence;
      } finally {
        await source.close();
      }
    }
    return 'exhausted';
  }

  #beginWave({ round, rules, shape }: Wave, source: RowSource, firstSequence: number, endAtMs: number): Dispatcher {
    const { clock, journal } = this.#parts;
    const pace = paceOf(shape, clock.nowMs() + START_LEAD_MS);
    const schedule = new Schedule({ pace, permits: this.#permits?.permits ?? null, endAtMs });
    this.#disruptions.delay(schedule);
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
        const synced = this.#pool.journalSyncing();
        await journal.sync();
        synced();
      },
      launch: (worker, launches) => this.#pool.send(worker, { type: 'launch', launches }),
      takeBack: (launches) => this.#takeBack(launches),
      outage: this.#disruptions.outage,
      lookAtTime: () => this.#disruptions.lookAtTime(),
    });
    this.#wave = { rules, shape, schedule, dispatcher };
    return dispatcher;
  }

  #takeBack(launches: readonly Launch[]): void {
    for (const launch of launches) {
      this.#parts.journal.append(notStartedOutcome(launch));
      this.#ledger.requeueUnsent(launch);
    }
  }

  #receive(worker: number, message: FromWorker): void {
    switch (message.type) {
      case 'outcomes':
        this.#count(message.events);
        this.#settleAll(worker, message.outcomes);
        break;
      case 'connected':
        for (const rule of this.#parts.rules) rule.deviceConnected?.();
        break;
      case 'throttled':
        this.#sampler.addThrottle(message.atMs);
        if (this.#parts.load.governor) this.#permits?.throttled(message.atMs, message.retryAfterSeconds);
        break;
      case 'permitRequested':
        this.#requestPermit(worker, message.sequence, message.repeats);
        break;
      case 'permitWithdrawn':
        this.#permits?.withdraw(worker, message.sequence);
        break;
      case 'health':
        this.#count(message.events);
        this.#workers.heard(worker);
        this.#sampler.addHealth(worker, message);
        this.#disruptions.outage.heard(worker, message);
        break;
      case 'probeEnded':
        this.#disruptions.outage.probeEnded();
        break;
      case 'ended':
        this.#sampler.workerGone(worker);
        break;
      case 'ready':
        this.#workerReady(worker);
        break;
    }
  }

  #count(events: EventCounts | null): void {
    if (events !== null) this.#parts.listener.counted(events);
  }

  #requestPermit(worker: number, sequence: number, repeats: boolean): void {
    const launched = this.#wave?.dispatcher.sequence ?? 0;
    if (this.#permits?.request(worker, sequence, repeats, launched) !== true) return;
    const message = `too many register requests had to be repeated (${formatCount(launched)} first requests so far); continuing would only add to the load`;
    this.#ending.endFor({ reason: 'retry-budget', message });
  }

  #settleAll(worker: number, outcomes: readonly RegistrationOutcome[]): void {
    this.#credits.settle(worker, outcomes.length);
    const agent = this.#pool.agentOf(worker);
    for (const reported of outcomes) {
      const outcome = agent === null ? reported : { ...reported, agent };
      this.#sampler.addSettled(outcome.finishedAtMs);
      const judgment = this.#disruptions.outage.judge(outcome);
      if (judgment === 'later') this.#ledger.suspect(worker, outcome);
      else this.#settle(outcome, judgment === 'again');
    }
    this.#parts.journal.flush().catch(this.#broken.reject);
  }

  /** @param all also those of which it is still not known whether an outage caused them */
  #settleSuspects(all: boolean): void {
    const { outage } = this.#disruptions;
    for (const outcome of this.#ledger.takeSuspects((suspect) => all || outage.judge(suspect) !== 'later')) {
      this.#settle(outcome, outage.judge(outcome) === 'again');
    }
  }

  #look(): void {
    this.#disruptions.lookAtTime();
    this.#disruptions.outage.steer();
    this.#settleSuspects(false);
  }

  /** @param inOutage the outcome is the target's fault */
  #settle(outcome: RegistrationOutcome, inOutage: boolean): void {
    const launch = this.#ledger.settle(outcome.row);
    this.#permits?.settled(launch, outcome);
    const continues = this.#ending.end === null;
    if (inOutage && continues && outcome.registersSent > 0) {
      this.#ledger.requeueAfterOutage(launch, outcome);
      return;
    }
    const neverSent = outcome.result === 'not-started' || (outcome.registersSent === 0 && this.#wasEnded(inOutage));
    const possiblyTwice = outcome.possiblyTwice || this.#ledger.wasPossiblySent(launch);
    const sent = possiblyTwice ? { ...outcome, possiblyTwice } : outcome;
    const settled = neverSent ? notStartedOutcome(launch) : this.#parts.mark(this.#ledger.withCarried(launch, sent));
    this.#parts.journal.append(settled);
    if (neverSent && continues) {
      if (inOutage) this.#ledger.requeueAfterOutage(launch, outcome);
      else this.#ledger.requeueUnsent(launch);
      if (outcome.result === 'not-started') this.#wave?.schedule.giveBack(1);
      return;
    }
    this.#parts.listener.settled(settled);
    for (const rule of [...this.#parts.rules, ...(this.#wave?.rules ?? [])]) {
      const cause = rule.add(settled);
      if (cause !== null) this.#ending.endFor(cause);
    }
  }

  /** An outage ended it, by itself or because the run stops for it. */
  #wasEnded(inOutage: boolean): boolean {
    return inOutage || (this.#disruptions.outage.isOutage && this.#ending.end?.reason === 'outage');
  }

  /** After an outage: the rate of the load, within the permits. Where only slots bound the load, it may fill them in one step. */
  #limitPerSecond(): number {
    const { load } = this.#parts;
    const { shape, schedule } = this.#wave ?? {};
    const wanted =
      shape && schedule?.isPaced === true
        ? askedPerSecond(shape, load.concurrency)
        : (load.concurrency * 1_000) / TIME_LOOK_INTERVAL_MS;
    return Math.min(wanted, this.#permits?.rateAllowedPerSecond ?? Number.POSITIVE_INFINITY);
  }

  /**
   * A worker died, was killed because it hung, or was cut off. What it held is made again, and the results mark it, since it may have been
   * sent. When nothing is released any more, those rows stay without an outcome.
   */
  #workerLost(worker: number, reason: Error, neverSent: readonly number[]): void {
    this.#workers.lost(worker);
    for (const outcome of this.#ledger.takeSuspects((_, from) => from === worker)) this.#settle(outcome, false);
    this.#disruptions.outage.workerLost(worker);
    this.#sampler.workerGone(worker);
    const held = this.#ledger.launchesOf(worker);
    this.#credits.settle(worker, held.length);
    const unsent = new Set(neverSent);
    for (const launch of held) if (unsent.has(launch.sequence)) this.#settle(notStartedOutcome(launch), false);
    const lost = this.#ledger.launchesOf(worker);
    for (const { row } of lost) this.#ledger.settle(row);
    for (const { sequence } of lost) this.#permits?.withdraw(worker, sequence);
    const loss = this.#workers.losses.add(worker, reason, lost.length);
    const continues = this.#dispatching && this.#ending.end === null;
    const isReplaced = continues && this.#workers.mayReplace();
    if (isReplaced) {
      for (const launch of lost) this.#ledger.requeuePossiblySent(launch);
      this.#wave?.schedule.giveBack(lost.length);
      this.#pool.replace(worker);
    } else {
      this.#pool.giveUp(worker);
      if (continues && loss !== null)
        this.#ending.endFor({ reason: 'failed', message: `${loss.what}, after several other losses` });
    }
    if (loss !== null) this.#parts.listener.notice(lossNotice(loss, isReplaced));
  }

  /** One that replaces a lost one must know what the others know. */
  #workerReady(worker: number): void {
    this.#workers.ready(worker);
    this.#disruptions.outage.workerReady(worker);
    this.#disruptions.workersAreGone(this.#workers.allAreGone);
  }

  /** Too few workers are left, and no others come: those that are left finish. */
  #starved(message: string): void {
    this.#ending.endFor({ reason: 'failed', message });
    for (const worker of this.#workers.unheard) this.#pool.giveUp(worker);
  }

  #sample(atMs: number): void {
    this.#disruptions.lookAtTime();
    if (this.#dispatching) this.#disruptions.workersAreGone(this.#workers.allAreGone);
    this.#permits?.setClockErrorMs(2 * Math.max(0, ...this.#pool.agents().map((agent) => agent.offsetUncertaintyMs)));
    const sample = {
      ...this.#sampler.take(
        atMs,
        this.#credits.outstanding,
        this.#permits?.rateAllowedPerSecond ?? null,
        this.#pool.agents(),
      ),
      suspendedMs: this.#disruptions.takeSuspendedMs(),
      epochAtZeroMs: this.#disruptions.takeMovedClock(),
    };
    this.#parts.journal.append(sample);
    // While no registration ends, nothing else writes them out, and a run that is killed then must still tell how it went.
    this.#parts.journal.flush().catch(this.#broken.reject);
    this.#parts.listener.sampled(sample);
    this.#credits.setRowsAhead(this.#rowsAhead((sample.launched * 1_000) / sample.overMs));
    this.#endAfterLongOutage(sample.atMs);
    if (this.#dispatching) this.#watchPins(sample.atMs);
    for (const worker of this.#workers.tick()) {
      this.#pool.kill(worker, new Error(`silent for ${WORKER_SILENCE_MAX_SECONDS} s`));
    }
  }

  #watchPins(nowMs: number): void {
    const { pins, waiting } = this.#ledger;
    if (pins === null) return;
    const { listener } = this.#parts;
    const { awaited, notices, starved } = pins.watch(nowMs, waiting);
    for (const notice of notices) listener.notice(notice);
    listener.awaiting(awaited);
    if (starved !== null) this.#ending.endFor({ reason: 'failed', message: starved });
  }

  #endAfterLongOutage(nowMs: number): void {
    const cause = this.#disruptions.outage.longOutage(nowMs);
    if (cause === null) return;
    this.#ending.endFor(cause);
    this.#pool.sendAll({ type: 'cancelAll' });
  }

  /** None with a quota: a released row must find a free slot, so that its permit is used while it is valid. */
  #rowsAhead(launchedPerSecond: number): number {
    if (this.#parts.load.sharePerMinute !== null) return 0;
    const wanted = this.#parts.waves.map(({ shape }) => steadyRatePerSecond(shape) ?? 0);
    return rowsAhead(Math.max(launchedPerSecond, ...wanted));
  }

  /** Nobody awaits callbacks and timers: a failure of the journal in one of them must still end the run. */
  #orBreak(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#broken.reject(error);
    }
  }
}

function permitIssuer({ clock, waves, load, setup }: RunSessionParts, pool: WorkerPool): PermitIssuer | null {
  if (load.sharePerMinute === null && !load.governor) return null;
  return new PermitIssuer({
    clock,
    sharePerMinute: load.sharePerMinute,
    permitLapseMs: setup.policy.permitLapseMs ?? PERMIT_LAPSE_MS,
    // The last wave counts: at most a short canary precedes it.
    askedPerSecond: askedPerSecond(waves.at(-1)?.shape ?? { kind: 'closed' }, load.concurrency),
    retryAfterMaxMs: setup.policy.retryAfterMaxMs,
    grant: (worker, sequence, validUntilMs) => pool.send(worker, { type: 'permitGranted', sequence, validUntilMs }),
  });
}
