import type { MessagePort } from 'node:worker_threads';
import { credentialsMaker, type MakeCredentials } from '../attestation/make-credentials.ts';
import type { OpenConversation } from '../conversation/conversation.ts';
import { StallWatch } from '../load/stall-watch.ts';
import { serviceConversations } from '../mqtt/service-conversations.ts';
import type { Launch } from '../registration/launch.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import {
  type ConnectionStatus,
  type LaunchStart,
  type PermitChange,
  runRegistration,
} from '../registration/run-registration.ts';
import { notStartedOutcome, refusedOutcome } from '../registration/unsent-outcomes.ts';
import type { Clock } from '../time/clock.ts';
import { systemClock } from '../time/system-clock.ts';
import { ConcurrentLaunches } from './concurrent-launches.ts';
import { EventCounter } from './event-counter.ts';
import { type Fence, fencedConversations } from './fence.ts';
import { RunningRegistrations } from './running-registrations.ts';
import type { FromWorker, ToWorker, WorkerSetup } from './worker-messages.ts';
import { HealthReporter, OutcomeBatcher } from './worker-reports.ts';

export type WorkerTask = {
  readonly setup: WorkerSetup;
  /** Registrations in flight on this worker. */
  readonly concurrency: number;
  readonly port: MessagePort;
  /** `null` = nobody else could register the same devices. */
  readonly fence: Fence | null;
};

/** How workers reach the service. */
export type WorkerConversations = (setup: WorkerSetup, clock: Clock) => Promise<OpenConversation>;

/** One long task of the pool: registers the launches that arrive on its port until `noMoreLaunches`. */
export async function runRegistrationWorker(
  { setup, concurrency, port, fence }: WorkerTask,
  conversations: WorkerConversations = serviceConversations,
): Promise<void> {
  const clock = systemClock(setup.clockOriginMs);
  // Its addresses change while the worker runs.
  const reach = { ...setup };
  const unfenced = await conversations(reach, clock);
  const open = fence === null ? unfenced : fencedConversations(unfenced, fence, clock);
  await new Promise<void>((resolve) => {
    const send = (message: FromWorker): void => {
      port.postMessage(message);
      if (message.type !== 'ended') return;
      port.close();
      resolve();
    };
    const worker = new RegistrationWorker({ setup, concurrency, clock, open, send });
    port.on('message', (message: ToWorker) => {
      if (message.type === 'addresses') reach.addresses = message.addresses;
      else worker.receive(message);
    });
    worker.begin();
  });
}

export type WorkerSurroundings = Pick<WorkerTask, 'setup' | 'concurrency'> & {
  readonly clock: Clock;
  readonly open: OpenConversation;
  readonly send: (message: FromWorker) => void;
};

export class RegistrationWorker {
  readonly #surroundings: WorkerSurroundings;
  readonly #makeCredentials: MakeCredentials;
  readonly #launches: ConcurrentLaunches;
  readonly #outcomes: OutcomeBatcher;
  readonly #health: HealthReporter;
  readonly #running: RunningRegistrations;
  readonly #events = new EventCounter();
  #unsettled = 0;
  #everConnected = false;
  #dropping = false;
  #cancelled = false;
  #lastLaunchSeen = false;

  constructor(surroundings: WorkerSurroundings) {
    const { setup, concurrency, clock, send } = surroundings;
    this.#surroundings = surroundings;
    this.#makeCredentials = credentialsMaker(setup.keys, setup.idScope, clock);
    const stalls = new StallWatch(clock.nowMs());
    this.#launches = new ConcurrentLaunches(clock, stalls, Math.max(1, concurrency), (launch, start) =>
      this.#register(launch, start),
    );
    this.#outcomes = new OutcomeBatcher(clock, (outcomes) =>
      send({ type: 'outcomes', outcomes, events: this.#events.take() }),
    );
    this.#running = new RunningRegistrations(() => send({ type: 'probeEnded' }));
    this.#health = new HealthReporter(stalls, (health) => {
      // What has ended in a second is known before its report.
      this.#outcomes.flush();
      send({ type: 'health', ...health, held: this.#running.held, events: this.#events.take() });
    });
  }

  begin(): void {
    this.#surroundings.send({ type: 'ready' });
    this.#health.begin(this.#surroundings.clock);
  }

  receive(message: Exclude<ToWorker, { readonly type: 'addresses' }>): void {
    switch (message.type) {
      case 'launch':
        this.#unsettled += message.launches.length;
        this.#running.expect(message.launches);
        if (this.#dropping) this.#handBack(message.launches);
        else this.#launches.add(message.launches);
        break;
      case 'noMoreLaunches':
        this.#lastLaunchSeen = true;
        this.#endWhenSettled();
        break;
      case 'permitGranted':
        this.#running.get(message.sequence)?.permitGranted(message.validUntilMs);
        break;
      case 'outageBegan':
        this.#running.outageBegan(message.sinceMs);
        this.#handBack(this.#launches.drop());
        break;
      case 'outageEnded':
        this.#running.outageEnded();
        break;
      case 'releaseHeld':
        this.#running.release(message.count);
        break;
      case 'dropWaiting':
        this.#drop();
        break;
      case 'cancelAll':
        this.#drop();
        this.#cancelled = true;
        this.#running.cancelAll();
        break;
    }
  }

  async #register(launch: Launch, start: LaunchStart): Promise<void> {
    this.#health.started(launch, this.#surroundings.clock.nowMs());
    const outcome = await this.#outcomeOf(launch, start);
    this.#health.ended();
    this.#running.remove(launch.sequence);
    this.#settle(outcome);
  }

  async #outcomeOf(launch: Launch, start: LaunchStart): Promise<RegistrationOutcome> {
    const { setup, clock, open, send } = this.#surroundings;
    const made = await this.#makeCredentials(launch);
    if (this.#cancelled || this.#running.isHeldBack(launch)) return notStartedOutcome(launch);
    if ('refusal' in made) return refusedOutcome(launch, made.refusal, clock.nowMs());
    const registration = runRegistration({
      launch,
      credentials: made.credentials,
      policy: setup.policy,
      seed: setup.seed,
      clock,
      start,
      stalledMs: (nowMs) => this.#health.stalls.look(nowMs),
      openConversation: open,
      idScope: setup.idScope,
      apiVersion: setup.apiVersion,
      userAgent: setup.userAgent,
      onThrottle: (retryAfterSeconds) => send({ type: 'throttled', atMs: clock.nowMs(), retryAfterSeconds }),
      onConnection: (status) => this.#onConnection(status, launch.sequence),
      onHold: (held) => this.#running.holds(launch.sequence, held),
      onPermit: (change) => send(permitMessage(launch.sequence, change)),
      onProgress: (before, after) => this.#events.grew(before, after),
    });
    this.#running.add(launch.sequence, registration);
    return await registration.outcome;
  }

  #onConnection(status: ConnectionStatus, sequence: number): void {
    const atMs = this.#surroundings.clock.nowMs();
    if (status !== 'alive') {
      this.#events.connectionLost();
      this.#health.lost({ sequence, atMs, reached: status === 'lost' });
      return;
    }
    this.#health.alive(atMs);
    // What is held waits for this news.
    if (this.#running.isOutage) this.#health.report();
    if (this.#everConnected) return;
    this.#everConnected = true;
    this.#surroundings.send({ type: 'connected' });
  }

  #drop(): void {
    this.#dropping = true;
    this.#handBack(this.#launches.drop());
  }

  #handBack(launches: readonly Launch[]): void {
    for (const launch of launches) {
      this.#running.remove(launch.sequence);
      this.#settle(notStartedOutcome(launch));
    }
  }

  #settle(outcome: RegistrationOutcome): void {
    this.#outcomes.add(outcome);
    this.#unsettled -= 1;
    this.#endWhenSettled();
  }

  #endWhenSettled(): void {
    if (!this.#lastLaunchSeen || this.#unsettled > 0) return;
    this.#outcomes.flush();
    this.#health.end();
    this.#surroundings.send({ type: 'ended' });
  }
}

function permitMessage(sequence: number, change: PermitChange): FromWorker {
  return change.type === 'request'
    ? { type: 'permitRequested', sequence, repeats: change.repeats }
    : { type: 'permitWithdrawn', sequence };
}
