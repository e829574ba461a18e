import type { MessagePort } from 'node:worker_threads';
import { credentialsMaker, type MakeCredentials } from '../attestation/make-credentials.ts';
import { dialler } from '../mqtt/dialler.ts';
import type { OpenMqttConnection } from '../mqtt/mqtt-connection.ts';
import { mqttJsConnections } from '../mqtt/mqtt-js-connection.ts';
import type { Credentials } from '../registration/credentials.ts';
import type { Launch } from '../registration/launch.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { type PermitWish, type RunningRegistration, runRegistration } from '../registration/run-registration.ts';
import { notStartedOutcome, refusedOutcome } from '../registration/unsent-outcomes.ts';
import { type Clock, repeat, type Timer } from '../time/clock.ts';
import { watchEventLoopDelay } from '../time/event-loop-delay.ts';
import { systemClock } from '../time/system-clock.ts';
import { LaunchQueue } from './launch-queue.ts';
import { OutcomeBatcher } from './outcome-batcher.ts';
import { WorkerGauge } from './worker-gauge.ts';
import type { FromWorker, ToWorker, WorkerSetup } from './worker-messages.ts';

/** How often a worker tells of its health. */
const HEALTH_INTERVAL_MS = 1_000;

export type WorkerTask = {
  readonly setup: WorkerSetup;
  /** Registrations in flight on this worker. */
  readonly concurrency: number;
  readonly port: MessagePort;
};

/** How a worker reaches the service. */
export type Connections = (setup: WorkerSetup, clock: Clock) => OpenMqttConnection;

const REAL_CONNECTIONS: Connections = (setup, clock) => mqttJsConnections(dialler(setup), clock);

/** One long task of the pool: registers what arrives on its port until it is told that no more comes. */
export function runRegistrationWorker(
  { setup, concurrency, port }: WorkerTask,
  connections: Connections = REAL_CONNECTIONS,
): Promise<void> {
  return new Promise((resolve) => {
    const worker = new RegistrationWorker(
      setup,
      connections,
      concurrency,
      (message) => port.postMessage(message),
      () => {
        port.close();
        resolve();
      },
    );
    port.on('message', (message: ToWorker) => worker.receive(message));
    worker.begin();
  });
}

class RegistrationWorker {
  readonly #setup: WorkerSetup;
  readonly #send: (message: FromWorker) => void;
  readonly #ended: () => void;
  readonly #clock;
  readonly #openConnection;
  readonly #makeCredentials: MakeCredentials;
  readonly #queue: LaunchQueue;
  readonly #batcher: OutcomeBatcher;
  readonly #gauge = new WorkerGauge();
  readonly #loopDelay = watchEventLoopDelay();
  /** By launch number. */
  readonly #running = new Map<number, RunningRegistration>();
  #unsettled = 0;
  #everConnected = false;
  #dropping = false;
  #cancelled = false;
  #lastLaunchSeen = false;
  #healthTimer: Timer | null = null;

  constructor(
    setup: WorkerSetup,
    connections: Connections,
    concurrency: number,
    send: (message: FromWorker) => void,
    ended: () => void,
  ) {
    this.#setup = setup;
    this.#send = send;
    this.#ended = ended;
    this.#clock = systemClock(setup.clockOriginMs);
    this.#openConnection = connections(setup, this.#clock);
    this.#makeCredentials = credentialsMaker(setup.keys, setup.idScope, this.#clock);
    this.#queue = new LaunchQueue(this.#clock, Math.max(1, concurrency), (launch) => this.#register(launch));
    this.#batcher = new OutcomeBatcher(this.#clock, (outcomes) => send({ type: 'outcomes', outcomes }));
  }

  begin(): void {
    this.#send({ type: 'ready' });
    this.#healthTimer = repeat(this.#clock, HEALTH_INTERVAL_MS, () => this.#sendHealth());
  }

  receive(message: ToWorker): void {
    switch (message.type) {
      case 'launch':
        this.#unsettled += message.launches.length;
        if (this.#dropping) this.#handBack(message.launches);
        else this.#queue.add(message.launches);
        break;
      case 'noMoreLaunches':
        this.#lastLaunchSeen = true;
        this.#endWhenSettled();
        break;
      case 'permitGranted':
        this.#running.get(message.sequence)?.permitGranted();
        break;
      case 'handBackWaiting':
        this.#handBack(this.#queue.drop());
        break;
      case 'dropWaiting':
        this.#drop();
        break;
      case 'cancelAll':
        this.#drop();
        this.#cancelled = true;
        for (const registration of this.#running.values()) registration.cancel();
        break;
    }
  }

  async #register(launch: Launch): Promise<void> {
    this.#gauge.started(launch, this.#clock.nowMs());
    const outcome = await this.#outcomeOf(launch);
    this.#gauge.ended();
    this.#settle(outcome);
  }

  async #outcomeOf(launch: Launch): Promise<RegistrationOutcome> {
    const made = await this.#makeCredentials(launch);
    if (this.#cancelled) return notStartedOutcome(launch);
    if ('refusal' in made) return refusedOutcome(launch, made.refusal, this.#clock.nowMs());
    const registration = this.#startRegistration(launch, made.credentials);
    this.#running.set(launch.sequence, registration);
    const outcome = await registration.outcome;
    this.#running.delete(launch.sequence);
    return outcome;
  }

  #startRegistration(launch: Launch, credentials: Credentials): RunningRegistration {
    return runRegistration({
      launch,
      credentials,
      policy: this.#setup.policy,
      seed: this.#setup.seed,
      clock: this.#clock,
      openConnection: this.#openConnection,
      idScope: this.#setup.idScope,
      apiVersion: this.#setup.apiVersion,
      userAgent: this.#setup.userAgent,
      onThrottle: (retryAfterSeconds) =>
        this.#send({ type: 'throttled', atMs: this.#clock.nowMs(), retryAfterSeconds }),
      onConnection: (sign) => this.#onConnection(sign),
      onPermit: (wish) => this.#sendWish(launch.sequence, wish),
    });
  }

  #sendWish(sequence: number, wish: PermitWish): void {
    if (wish.type === 'request') this.#send({ type: 'permitRequested', sequence, repeats: wish.repeats });
    else this.#send({ type: 'permitWithdrawn', sequence });
  }

  #onConnection(sign: 'alive' | 'lost'): void {
    this.#gauge.saw(sign);
    if (sign === 'lost' || this.#everConnected) return;
    this.#everConnected = true;
    this.#send({ type: 'connected' });
  }

  #drop(): void {
    this.#dropping = true;
    this.#handBack(this.#queue.drop());
  }

  #handBack(launches: readonly Launch[]): void {
    for (const launch of launches) this.#settle(notStartedOutcome(launch));
  }

  #settle(outcome: RegistrationOutcome): void {
    this.#batcher.add(outcome);
    this.#unsettled -= 1;
    this.#endWhenSettled();
  }

  #endWhenSettled(): void {
    if (!this.#lastLaunchSeen || this.#unsettled > 0) return;
    this.#batcher.flush();
    this.#healthTimer?.cancel();
    this.#sendHealth();
    this.#loopDelay.stop();
    this.#send({ type: 'ended' });
    this.#ended();
  }

  #sendHealth(): void {
    this.#send({ type: 'health', ...this.#gauge.take(), loopDelayMaxMs: this.#loopDelay.takeMaxMs() });
  }
}
