import { connectUsername } from '../dps/connect-identity.ts';
import type { MqttConnection, MqttEvent, MqttIdentity, OpenMqttConnection } from '../mqtt/mqtt-connection.ts';
import type { Clock, Timer } from '../time/clock.ts';
import type { Credentials } from './credentials.ts';
import type { Launch } from './launch.ts';
import { begin, step } from './registration-machine.ts';
import type { RegistrationOutcome } from './registration-outcome.ts';
import type { RegistrationPolicy } from './registration-policy.ts';
import type {
  RegistrationCommand,
  RegistrationEnding,
  RegistrationEvent,
  RegistrationState,
  RegistrationSubject,
  Transition,
} from './registration-state.ts';

/** Everything that one registration needs; but for `launch` and `credentials` the same for all of a run. */
export type RegistrationJob = {
  readonly launch: Launch;
  readonly credentials: Credentials;
  readonly policy: RegistrationPolicy;
  /** Of the jitter. */
  readonly seed: number;
  readonly clock: Clock;
  readonly openConnection: OpenMqttConnection;
  readonly idScope: string;
  readonly apiVersion: string;
  /** Sent as `ClientVersion`. */
  readonly userAgent: string;
  /** Called at once for every 429, with its retry-after in seconds. */
  readonly onThrottle: (retryAfterSeconds: number | null) => void;
  /** Called for each sign of life of the service, and for each connection that failed or fell silent. */
  readonly onConnection: (sign: 'alive' | 'lost') => void;
  /** A permit is asked for, which `permitGranted` answers, or is wanted no longer. */
  readonly onPermit: (wish: PermitWish) => void;
};

export type PermitWish =
  /** For one more register request; `repeats`: the device has sent one before. */
  { readonly type: 'request'; readonly repeats: boolean } | { readonly type: 'withdraw' };

export type RunningRegistration = {
  /** Never rejects: what fails is part of the outcome. */
  readonly outcome: Promise<RegistrationOutcome>;
  /** Ends the registration now, as `cancelled`; without effect on one that has ended. */
  cancel(): void;
  /** The permit that was asked for last is valid now; without effect where nobody waits for it. */
  permitGranted(): void;
};

/** Starts a registration: carries the machine's commands out, and brings it events and time. */
export function runRegistration(job: RegistrationJob): RunningRegistration {
  let settle: (outcome: RegistrationOutcome) => void = () => {};
  const outcome = new Promise<RegistrationOutcome>((resolve) => {
    settle = resolve;
  });
  const driver = new RegistrationDriver(job, (ending) => settle(registrationOutcome(job.launch, ending)));
  return { outcome, cancel: () => driver.cancel(), permitGranted: () => driver.permitGranted() };
}

class RegistrationDriver {
  readonly #job: RegistrationJob;
  readonly #onEnd: (ending: RegistrationEnding) => void;
  #state: RegistrationState;
  #connection: MqttConnection | null = null;
  /** Changes whenever a connection is opened or closed: events of another number are of a superseded one. */
  #connectionNumber = 0;
  #timer: Timer | null = null;
  #timerAtMs: number | null = null;
  /** A command may bring events before it returns; they wait for the commands that stand before them. */
  readonly #inbox: { readonly event: RegistrationEvent; readonly connectionNumber: number | null }[] = [];
  #busy = false;

  constructor(job: RegistrationJob, onEnd: (ending: RegistrationEnding) => void) {
    this.#job = job;
    this.#onEnd = onEnd;
    const first = begin(subjectOf(job), job.clock.nowMs(), job.policy);
    this.#state = first.state;
    this.#busy = true;
    this.#follow(first);
    this.#drain();
  }

  cancel(): void {
    this.#receive({ type: 'cancelled', atMs: this.#job.clock.nowMs() }, null);
  }

  permitGranted(): void {
    this.#receive({ type: 'permitGranted', atMs: this.#job.clock.nowMs() }, null);
  }

  /** @param connectionNumber `null` for what does not come from a connection */
  #receive(event: RegistrationEvent, connectionNumber: number | null): void {
    this.#inbox.push({ event, connectionNumber });
    if (!this.#busy) this.#drain();
  }

  #drain(): void {
    this.#busy = true;
    for (let entry = this.#inbox.shift(); entry !== undefined; entry = this.#inbox.shift()) {
      const { event, connectionNumber } = entry;
      const superseded = connectionNumber !== null && connectionNumber !== this.#connectionNumber;
      if (superseded) continue;
      if (event.type === 'connected' || event.type === 'message') this.#job.onConnection('alive');
      this.#follow(step(this.#state, event, this.#job.policy));
    }
    this.#busy = false;
  }

  #follow({ state, commands }: Transition): void {
    this.#state = state;
    for (const command of commands) this.#carryOut(command);
    this.#arm();
  }

  #carryOut(command: RegistrationCommand): void {
    switch (command.type) {
      case 'openConnection':
        this.#open(command.key);
        break;
      case 'subscribe':
        this.#connection?.subscribe(command.topicFilter);
        break;
      case 'publish':
        this.#connection?.publish(command.topic, command.payload);
        break;
      case 'closeConnection':
        this.#close();
        break;
      case 'requestPermit':
        this.#job.onPermit({ type: 'request', repeats: command.repeats });
        break;
      case 'withdrawPermit':
        this.#job.onPermit({ type: 'withdraw' });
        break;
      case 'reportLost':
        this.#job.onConnection('lost');
        break;
      case 'reportThrottle':
        this.#job.onThrottle(command.retryAfterSeconds);
        break;
      case 'finish':
        this.#onEnd(command.ending);
    }
  }

  #open(key: number): void {
    this.#connectionNumber += 1;
    const connectionNumber = this.#connectionNumber;
    this.#connection = this.#job.openConnection(identityOf(this.#job, key), (event) =>
      this.#receive(timed(event, this.#job.clock.nowMs()), connectionNumber),
    );
  }

  #close(): void {
    this.#connectionNumber += 1;
    this.#connection?.close();
    this.#connection = null;
  }

  /** One timer at a time. */
  #arm(): void {
    const { wakeAtMs } = this.#state;
    if (wakeAtMs === this.#timerAtMs) return;
    this.#timer?.cancel();
    this.#timerAtMs = wakeAtMs;
    this.#timer = wakeAtMs === null ? null : this.#job.clock.wakeAt(wakeAtMs, () => this.#woke());
  }

  #woke(): void {
    this.#timer = null;
    this.#timerAtMs = null;
    this.#receive({ type: 'woke', atMs: this.#job.clock.nowMs() }, null);
  }
}

/** Member by member: a spread of these few shapes costs as much as a step of the machine. */
function timed(event: MqttEvent, atMs: number): RegistrationEvent {
  switch (event.type) {
    case 'message':
      return { type: event.type, atMs, topic: event.topic, payload: event.payload };
    case 'lost':
      return { type: event.type, atMs, failure: event.failure };
    default:
      return { type: event.type, atMs };
  }
}

/** The wall clock parts runs, the launch number parts the registrations of one run. */
function subjectOf({ launch, credentials, seed, clock }: RegistrationJob): RegistrationSubject {
  const { registrationId, payloadJson } = launch;
  const requestIdPrefix = `${Math.floor(clock.epochMs()).toString(36)}-${launch.sequence.toString(36)}`;
  return { registrationId, payloadJson, keys: credentials.keys, requestIdPrefix, seed };
}

/** The password is made for each connection, since it expires. */
function identityOf(
  { launch, credentials, clock, idScope, apiVersion, userAgent }: RegistrationJob,
  key: number,
): MqttIdentity {
  const { registrationId } = launch;
  return {
    clientId: registrationId,
    username: connectUsername({ idScope, registrationId, apiVersion }, userAgent),
    password: credentials.password(clock.epochMs(), key),
    clientCertificate: credentials.clientCertificate,
  };
}

function registrationOutcome(launch: Launch, ending: RegistrationEnding): RegistrationOutcome {
  const { row, round, sequence, registrationId, group, expectedHub, otherValues } = launch;
  const intendedAtMs = launch.intendedAtMs ?? ending.startedAtMs;
  const heldMs = launch.heldMs + ending.heldUnderWayMs;
  return { row, round, sequence, registrationId, group, expectedHub, otherValues, heldMs, intendedAtMs, ...ending };
}
