import type { HostAddresses } from '../mqtt/host-addresses.ts';
import { OperatorError, type Problem, problem } from '../problem/operator-error.ts';
import { type Clock, repeat, type Timer, waitAtMost } from '../time/clock.ts';
import { type Deferred, deferred } from '../worker/deferred.ts';
import { closeFence, isClosed, newFence, openFence, openForMs } from '../worker/fence.ts';
import type { StartWorkerPool } from '../worker/worker-pool.ts';
import type { PlacedRun, Renewal } from './agent-bus.ts';
import type { AgentBeat, FromAgent, Placement, ToAgent } from './agent-messages.ts';
import { ClockOffset } from './clock-offset.ts';
import { HostedWorkers } from './hosted-workers.ts';
import { LEASE_MS, leaseEndMs, RENEW_INTERVAL_MS } from './lease.ts';
import type { AgentSecrets } from './resolve-secrets.ts';

/** Often enough that a silent agent is noticed within a second. */
const BEAT_INTERVAL_MS = 250;
/** Until the clock is known, beats follow each other at once. */
const FIRST_BEAT_INTERVAL_MS = 20;
/** Round trips from which the clock is known well enough to begin: the shortest of a few. */
const PONGS_FIRST = 5;

/** Beats without an answer while the lease goes on: the coordinator has given this place up, or never knew that it was taken. */
const PONG_MAX_MS = 10_000;

/** After the lease: what was accepted by the service may still be polled. Most operations take less. */
const POLLS_END_MS = 30_000;

/** For the last messages of a placement, where Redis can be reached. */
const FAREWELL_MS = 1_000;

/** What an agent resolved for a placement, from its own environment and files; or why it cannot take part. */
export type Prepared = AgentSecrets | { readonly problems: readonly Problem[] };

export type AgentVitals = Pick<AgentBeat, 'cpuShare' | 'loopDelayMaxMs' | 'rssBytes' | 'fileDescriptors'>;

export type HostParts = {
  /** The agent's axis. */
  readonly clock: Clock;
  /** `hrtimeMs()` at time 0 of it. */
  readonly clockOriginMs: number;
  /** Of dpsload. */
  readonly version: string;
  readonly startPool: StartWorkerPool;
  readonly prepare: (placement: Placement) => Promise<Prepared>;
  /** Where the target is, as seen from here. */
  readonly addressesOf: (placement: Placement) => Pick<HostAddresses, 'current' | 'refresh' | 'keepFresh' | 'stop'>;
  /** Since the last call. */
  readonly takeVitals: () => AgentVitals;
};

/**
 * Why a host ended: `ended` by agreement with the coordinator; `expelled`: the lease was over; `stopped`: by `stop`. It refused the run for
 * the problems of an error.
 */
export type HostEnd = 'ended' | 'expelled' | 'stopped' | OperatorError;

/** What was heard of the coordinator. */
type Contact = {
  /** When the placement was taken. */
  readonly sinceMs: number;
  /** The last pong; at first, when the placement was taken. */
  readonly pongCameAtMs: number;
  /** On the coordinator's axis; `null` = none has come. */
  readonly pongSentAtMs: number | null;
};

/** Serves one placement: hosts the workers that the coordinator asks for, as long as the lease lasts. */
export class AgentHost {
  readonly #parts: HostParts;
  readonly #placed: PlacedRun;
  readonly #fence = newFence();
  readonly #offset = new ClockOffset();
  readonly #addresses: ReturnType<HostParts['addressesOf']>;
  readonly #workers: HostedWorkers;
  readonly #end: Deferred<HostEnd> = deferred();
  #timers: Timer[] = [];
  #isRenewed = false;
  #contact: Contact;
  #secrets: AgentSecrets | null = null;
  #state: 'new' | 'prepared' | 'over' = 'new';

  constructor(placed: PlacedRun, parts: HostParts) {
    this.#parts = parts;
    this.#placed = placed;
    const nowMs = parts.clock.nowMs();
    this.#contact = { sinceMs: nowMs, pongCameAtMs: nowMs, pongSentAtMs: null };
    const { clock, clockOriginMs, startPool } = parts;
    this.#addresses = parts.addressesOf(placed.placement);
    this.#workers = new HostedWorkers({
      clock,
      clockOriginMs,
      startPool,
      fence: this.#fence,
      addresses: this.#addresses,
      aheadOfPongsMs: () => this.#offset.at(clock.nowMs())?.offsetMs ?? 0,
      send: (message) => placed.send(message),
    });
    placed.onMessage((message) => this.#receive(message));
    void this.#begin();
  }

  /** Resolves when nothing of the placement runs any more. Never rejects. */
  get ended(): Promise<HostEnd> {
    return this.#end.promise;
  }

  /** Finishes what is in flight and leaves. */
  drain(): void {
    if (this.#state !== 'over') this.#send({ type: 'draining' });
  }

  /** Ends all workers at once, whatever they are doing. */
  stop(): void {
    void this.#leave('stopped');
  }

  async #begin(): Promise<void> {
    const { clock, version, prepare } = this.#parts;
    const { placement } = this.#placed;
    this.#renew();
    this.#timers.push(repeat(clock, RENEW_INTERVAL_MS, () => this.#renew()));
    if (placement.version !== version) {
      const differs = problem(
        `it runs dpsload ${version}, and the coordinator ${placement.version}`,
        'Install one version',
      );
      await this.#refuse({ type: 'refused', cause: 'version', problems: [differs] });
      return;
    }
    this.#beatSoon();
    this.#timers.push(repeat(clock, BEAT_INTERVAL_MS, () => this.#look()));
    const [prepared] = await Promise.all([prepare(placement), this.#keepAddresses(placement)]);
    if (this.#state === 'over') return;
    if ('problems' in prepared) {
      await this.#refuse({ type: 'refused', cause: 'lacks', problems: prepared.problems });
      return;
    }
    this.#secrets = prepared;
    this.#sayPrepared();
  }

  async #keepAddresses({ nameResolution: { cacheMs } }: Placement): Promise<void> {
    if (cacheMs === null) return;
    await this.#addresses.refresh();
    const { clock } = this.#parts;
    this.#addresses.keepFresh(clock, cacheMs, (addresses) => this.#workers.sendAll({ type: 'addresses', addresses }));
  }

  async #refuse(message: Extract<FromAgent, { type: 'refused' }>): Promise<void> {
    this.#send(message);
    await this.#leave(new OperatorError('usage', message.problems));
  }

  #receive(message: ToAgent): void {
    if (this.#state === 'over') return;
    switch (message.type) {
      case 'pong':
        this.#answered(message.sentAtMs, message.atMs);
        break;
      case 'start':
        if (this.#secrets !== null) this.#workers.start(message, this.#secrets, this.#placed.placement);
        break;
      case 'toWorker':
        this.#workers.send(message.worker, message.message);
        break;
      case 'kill':
        this.#workers.kill(message.worker, message.reason);
        break;
      case 'end':
        void this.#leave('ended');
        break;
    }
  }

  #answered(sentAtMs: number, atMs: number): void {
    const receivedAtMs = this.#parts.clock.nowMs();
    this.#offset.add({ sentAtMs, atMs, receivedAtMs });
    this.#contact = { ...this.#contact, pongCameAtMs: receivedAtMs, pongSentAtMs: atMs };
    this.#sayPrepared();
  }

  #sayPrepared(): void {
    const knowsClock = this.#offset.samples >= PONGS_FIRST;
    if (this.#state !== 'new' || this.#secrets === null || !knowsClock || isClosed(this.#fence, this.#parts.clock))
      return;
    this.#state = 'prepared';
    this.#send({ type: 'prepared' });
  }

  /** What counts is when the renewal was sent: its answer may come late, or never. */
  #renew(): void {
    const { clock } = this.#parts;
    const sent = { atMs: clock.nowMs(), epochMs: clock.epochMs() };
    this.#placed.renew(LEASE_MS).then(
      (renewal) => this.#renewed(sent, renewal),
      // The lease then ends by itself.
      () => {},
    );
  }

  #renewed(sent: { readonly atMs: number; readonly epochMs: number }, renewal: Renewal): void {
    if (this.#state === 'over') return;
    const { coordinatorLeftMs, isHeld, redisRunId } = renewal;
    if (!isHeld || coordinatorLeftMs === null || redisRunId !== this.#placed.placement.redisRunId) {
      void this.#expelled();
      return;
    }
    const endMs = leaseEndMs(sent.atMs, coordinatorLeftMs);
    openFence(this.#fence, endMs, sent.epochMs + endMs - sent.atMs);
    this.#isRenewed = true;
    this.#sayPrepared();
  }

  #look(): void {
    const { clock } = this.#parts;
    const nowMs = clock.nowMs();
    const { sinceMs, pongCameAtMs } = this.#contact;
    const isForgotten = nowMs - pongCameAtMs >= PONG_MAX_MS;
    // The first renewal has a whole lease to be answered.
    const mayBeClosed = !this.#isRenewed && nowMs - sinceMs < LEASE_MS;
    if (isForgotten || (isClosed(this.#fence, clock) && !mayBeClosed)) void this.#expelled();
    else this.#beat();
  }

  #beatSoon(): void {
    if (this.#state !== 'new' || this.#offset.samples >= PONGS_FIRST) return;
    this.#beat();
    const { clock } = this.#parts;
    this.#timers.push(clock.wakeAt(clock.nowMs() + FIRST_BEAT_INTERVAL_MS, () => this.#beatSoon()));
  }

  #beat(): void {
    const { clock, takeVitals } = this.#parts;
    const sentAtMs = clock.nowMs();
    const isFenced = this.#state === 'over';
    const pongAtMs = this.#contact.pongSentAtMs;
    const leaseLeftMs = Math.max(0, openForMs(this.#fence, clock));
    this.#send({
      type: 'beat',
      sentAtMs,
      pongAtMs,
      leaseLeftMs,
      isFenced,
      ...takeVitals(),
      ...this.#wallOffset(sentAtMs),
    });
  }

  /** Each axis has its own origin, which tells people nothing: they know wall clocks. */
  #wallOffset(nowMs: number): Pick<AgentBeat, 'offsetMs' | 'offsetUncertaintyMs'> {
    const estimate = this.#offset.at(nowMs);
    if (estimate === null) return { offsetMs: 0, offsetUncertaintyMs: LEASE_MS };
    const ownEpochAtZeroMs = this.#parts.clock.epochMs() - nowMs;
    const offsetMs = estimate.offsetMs + ownEpochAtZeroMs - this.#placed.placement.epochAtZeroMs;
    return { offsetMs, offsetUncertaintyMs: estimate.uncertaintyMs };
  }

  /** Somebody else may register the same devices by now: nothing more is sent, but for polls. */
  async #expelled(): Promise<void> {
    if (!this.#close()) return;
    this.#beat();
    this.#workers.endWhenSettled();
    await waitAtMost(this.#parts.clock, POLLS_END_MS, this.#workers.allEnded());
    await this.#finish('expelled');
  }

  async #leave(end: HostEnd): Promise<void> {
    if (!this.#close()) return;
    if (end === 'stopped') this.#beat();
    await this.#finish(end);
  }

  /** @returns whether it was not closed before */
  #close(): boolean {
    if (this.#state === 'over') return false;
    this.#state = 'over';
    closeFence(this.#fence);
    for (const timer of this.#timers) timer.cancel();
    return true;
  }

  async #finish(end: HostEnd): Promise<void> {
    this.#addresses.stop();
    await this.#workers.destroy();
    this.#send({ type: 'left' });
    await waitAtMost(this.#parts.clock, FAREWELL_MS, this.#placed.flushed());
    await this.#placed.finish();
    this.#end.resolve(end);
  }

  #send(message: FromAgent): void {
    this.#placed.send(message);
  }
}
