import type { HostAddresses } from '../mqtt/host-addresses.ts';
import type { Clock } from '../time/clock.ts';
import type { Fence } from '../worker/fence.ts';
import type { FromWorker, ToWorker } from '../worker/worker-messages.ts';
import type { StartWorkerPool, WorkerPool } from '../worker/worker-pool.ts';
import type { FromAgent, HostedWorker, Placement, ToAgent, TravellingToWorker } from './agent-messages.ts';
import type { AgentSecrets } from './resolve-secrets.ts';
import { shifted } from './run-axis.ts';
import { withSecrets } from './travelling.ts';

export type HostedWorkersParts = {
  readonly clock: Clock;
  readonly clockOriginMs: number;
  readonly startPool: StartWorkerPool;
  readonly fence: Fence;
  readonly addresses: Pick<HostAddresses, 'current'>;
  /** How far the agent's axis is ahead of that of the pongs. */
  readonly aheadOfPongsMs: () => number;
  readonly send: (message: FromAgent) => void;
};

/** The workers that an agent hosts in one placement, each by the number that it has in the run, and each in a pool of its own. */
export class HostedWorkers {
  readonly #parts: HostedWorkersParts;
  readonly #pools = new Map<number, WorkerPool>();
  #axisShiftMs = 0;
  #deviceKeyOf: AgentSecrets['deviceKeyOf'] = () => null;

  constructor(parts: HostedWorkersParts) {
    this.#parts = parts;
  }

  /** Connects to the target of the placement, which was found to be allowed, whatever the message says. */
  start(
    { setup, axisShiftMs, workers }: Extract<ToAgent, { type: 'start' }>,
    secrets: AgentSecrets,
    { serverName, target }: Pick<Placement, 'serverName' | 'target'>,
  ): void {
    const { addresses, clockOriginMs } = this.#parts;
    this.#axisShiftMs = axisShiftMs;
    this.#deviceKeyOf = secrets.deviceKeyOf;
    const tls = { ...setup.tls, serverName };
    const own = { ...setup, ...target, tls, keys: secrets.keys, clockOriginMs, addresses: addresses.current };
    for (const hosted of workers) this.#startOne(hosted, own);
  }

  send(worker: number, message: TravellingToWorker): void {
    // No coordinator sends it, but whoever can write to Redis could turn the workers to another target with it.
    if ((message as ToWorker).type === 'addresses') return;
    const whole: ToWorker =
      message.type === 'launch' ? { type: 'launch', launches: this.#withKeys(message.launches) } : message;
    this.#pools.get(worker)?.send(0, shifted(whole, -this.#runIsAheadMs()));
  }

  sendAll(message: ToWorker): void {
    for (const pool of this.#pools.values()) pool.sendAll(message);
  }

  kill(worker: number, reason: string): void {
    this.#pools.get(worker)?.kill(0, new Error(reason));
  }

  /** Drops what waits, and lets what is in flight end. */
  endWhenSettled(): void {
    this.sendAll({ type: 'dropWaiting' });
    this.sendAll({ type: 'noMoreLaunches' });
  }

  async allEnded(): Promise<void> {
    await Promise.all([...this.#pools.values()].map(({ ended }) => ended));
  }

  async destroy(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  #startOne({ worker, concurrency }: HostedWorker, setup: Parameters<StartWorkerPool>[0]['setup']): void {
    const { clock, fence, send, startPool } = this.#parts;
    const relay = (message: FromWorker): void => {
      if (this.#pools.get(worker) === pool)
        send({ type: 'fromWorker', worker, message: shifted(message, this.#runIsAheadMs()) });
    };
    const pool = startPool(
      { setup, concurrencyShares: [concurrency], clock, fence },
      {
        // Whether it listens, and whether it has ended, the pool itself says.
        message: (_, message) => {
          if (message.type !== 'ready' && message.type !== 'ended') relay(message);
        },
        lost: (_, { message }) => {
          if (this.#pools.get(worker) !== pool) return;
          this.#pools.delete(worker);
          void pool.destroy();
          send({ type: 'workerLost', worker, reason: message });
        },
        silent: () => {},
        starved: () => {},
      },
    );
    this.#pools.set(worker, pool);
    void pool.ready.then(() => relay({ type: 'ready' }));
    void pool.ended.then(() => {
      // What it sent before is on its way.
      clock.wakeAt(clock.nowMs(), () => relay({ type: 'ended' }));
    });
  }

  #withKeys(launches: Extract<TravellingToWorker, { type: 'launch' }>['launches']) {
    return launches.map((launch) => withSecrets(launch, this.#deviceKeyOf));
  }

  /** How much later a moment is on the run's axis than on the agent's. */
  #runIsAheadMs(): number {
    return this.#axisShiftMs - this.#parts.aheadOfPongsMs();
  }
}
