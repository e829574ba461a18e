import type { Conversation, ConversationEvent, OpenConversation } from '../conversation/conversation.ts';
import type { Clock, Timer } from '../time/clock.ts';
import type { Credentials } from './credentials.ts';
import type { Counted } from './event-counts.ts';
import type { Launch } from './launch.ts';
import { begin, step } from './registration-machine.ts';
import type { RegistrationOutcome, StalledTimes } from './registration-outcome.ts';
import type { RegistrationPolicy } from './registration-policy.ts';
import {
  NO_COUNTS,
  type RegistrationCommand,
  type RegistrationEnding,
  type RegistrationEvent,
  type RegistrationState,
  type Transition,
} from './registration-state.ts';
import { type LateStart, StalledPhases } from './stalled-times.ts';

/** Everything that one registration needs. `launch` and `credentials` are its own; the rest is shared by the whole run. */
export type RegistrationJob = {
  readonly launch: Launch;
  readonly credentials: Credentials;
  readonly policy: RegistrationPolicy;
  /** Seed of the jitter. */
  readonly seed: number;
  readonly clock: Clock;
  /** How the launch came to start when it does. */
  readonly start: LaunchStart;
  /** How long the event loop stood still so far. */
  readonly stalledMs: (nowMs: number) => number;
  readonly openConversation: OpenConversation;
  readonly idScope: string;
  readonly apiVersion: string;
  readonly userAgent: string;
  /** Called at once for every 429, with its retry-after in seconds. */
  readonly onThrottle: (retryAfterSeconds: number | null) => void;
  readonly onConnection: (status: ConnectionStatus) => void;
  /** Called when the registration is held for an outage, and when it no longer is. */
  readonly onHold: (held: boolean) => void;
  readonly onPermit: (change: PermitChange) => void;
  /** Called whenever counts may have grown, before the command that they count is carried out. */
  readonly onProgress: (before: Readonly<Counted>, after: Readonly<Counted>) => void;
};

export type LaunchStart = LateStart & {
  /** How long it waited for a free slot. */
  readonly slotWaitMs: number;
};

/** A launch that starts when it should. */
export const ON_TIME: LaunchStart = { slotWaitMs: 0, heldMs: 0, startLagMs: 0 };

/** `alive`: a CONNACK or an answer came. `lost`: a connection failed or went silent; `unreachable`: so it did before TLS was established. */
export type ConnectionStatus = 'alive' | 'lost' | 'unreachable';

export type PermitChange =
  /** Asks for one more register request, which `permitGranted` allows; `repeats`: the device has sent one before. */
  { readonly type: 'request'; readonly repeats: boolean } | { readonly type: 'withdraw' };

export type RunningRegistration = {
  /** Never rejects: a failure is an outcome. */
  readonly outcome: Promise<RegistrationOutcome>;
  /** Ends the registration now, as `cancelled`. Without effect once it has ended. */
  cancel(): void;
  /** The permit requested last is valid now, and until then. Without effect unless the registration is waiting for it. */
  permitGranted(validUntilMs: number): void;
  /** The target has not responded since then: what would connect is held. */
  outageBegan(sinceMs: number): void;
  /** Only what is held already waits for `release`. */
  outageEnded(): void;
  /** Without effect unless the registration is held. */
  release(): void;
};

/** Starts a registration: carries out the machine's commands, and delivers events and time to it. */
export function runRegistration(job: RegistrationJob): RunningRegistration {
  let settle: (outcome: RegistrationOutcome) => void = () => {};
  const outcome = new Promise<RegistrationOutcome>((resolve) => {
    settle = resolve;
  });
  const driver = new RegistrationDriver(job, (ending, stalled) => settle(registrationOutcome(job, ending, stalled)));
  return {
    outcome,
    cancel: () => driver.receive({ type: 'cancelled' }),
    permitGranted: (validUntilMs) => driver.receive({ type: 'permitGranted', validUntilMs }),
    outageBegan: (sinceMs) => driver.receive({ type: 'outageBegan', sinceMs }),
    outageEnded: () => driver.receive({ type: 'outageEnded' }),
    release: () => driver.receive({ type: 'released' }),
  };
}

type EventFromOutside =
  | { readonly type: 'cancelled' | 'outageEnded' | 'released' }
  | { readonly type: 'permitGranted'; readonly validUntilMs: number }
  | { readonly type: 'outageBegan'; readonly sinceMs: number };

class RegistrationDriver {
  readonly #job: RegistrationJob;
  readonly #onEnd: (ending: RegistrationEnding, stalled: StalledTimes | null) => void;
  readonly #stalled: StalledPhases;
  #state: RegistrationState;
  #conversation: Conversation | null = null;
  /** Changes whenever a conversation is opened or closed: an event with another number comes from a superseded one. */
  #conversationNumber = 0;
  #timer: Timer | null = null;
  #timerAtMs: number | null = null;
  /** A command may cause events before it returns; they wait until the commands before them are carried out. */
  readonly #inbox: { readonly event: RegistrationEvent; readonly conversationNumber: number | null }[] = [];
  #busy = false;

  constructor(job: RegistrationJob, onEnd: (ending: RegistrationEnding, stalled: StalledTimes | null) => void) {
    this.#job = job;
    this.#onEnd = onEnd;
    const { launch, credentials, seed } = job;
    const { registrationId, permitUntilMs } = launch;
    const subject = { registrationId, keys: credentials.keys, seed, permitUntilMs };
    const nowMs = job.clock.nowMs();
    this.#stalled = new StalledPhases(job.start, job.stalledMs(nowMs));
    const first = begin(subject, nowMs, job.policy);
    this.#state = first.state;
    this.#busy = true;
    job.onProgress(NO_COUNTS, first.state.progress);
    this.#follow(first);
    this.#drain();
  }

  /** Takes an event that does not come from a conversation. */
  receive(event: EventFromOutside): void {
    this.#receive({ ...event, atMs: this.#job.clock.nowMs() }, null);
  }

  /** @param conversationNumber `null` if the event does not come from a conversation */
  #receive(event: RegistrationEvent, conversationNumber: number | null): void {
    this.#inbox.push({ event, conversationNumber });
    if (!this.#busy) this.#drain();
  }

  #drain(): void {
    this.#busy = true;
    for (let entry = this.#inbox.shift(); entry !== undefined; entry = this.#inbox.shift()) {
      const { event, conversationNumber } = entry;
      const superseded = conversationNumber !== null && conversationNumber !== this.#conversationNumber;
      if (superseded) continue;
      if (IS_ALIVE.has(event.type)) this.#job.onConnection('alive');
      const next = step(this.#state, event, this.#job.policy);
      this.#stalled.follow(this.#state, next.state, event.atMs, this.#job.stalledMs(event.atMs));
      this.#follow(next);
    }
    this.#busy = false;
  }

  #follow({ state, commands }: Transition): void {
    const { progress } = this.#state;
    if (state.progress !== progress) this.#job.onProgress(progress, state.progress);
    this.#state = state;
    for (const command of commands) this.#carryOut(command);
    this.#arm();
  }

  #carryOut(command: RegistrationCommand): void {
    switch (command.type) {
      case 'openConversation':
        this.#open(command.key);
        break;
      case 'register':
        this.#conversation?.register(this.#job.launch.payloadJson);
        break;
      case 'poll':
        this.#conversation?.poll(command.operationId);
        break;
      case 'closeConversation':
        this.#close();
        break;
      case 'requestPermit':
        this.#job.onPermit({ type: 'request', repeats: command.repeats });
        break;
      case 'withdrawPermit':
        this.#job.onPermit({ type: 'withdraw' });
        break;
      case 'reportLost':
        this.#job.onConnection(command.reached ? 'lost' : 'unreachable');
        break;
      case 'reportHold':
        this.#job.onHold(command.held);
        break;
      case 'reportThrottle':
        this.#job.onThrottle(command.retryAfterSeconds);
        break;
      case 'finish':
        this.#onEnd(command.ending, this.#stalled.result);
    }
  }

  #open(key: number): void {
    this.#conversationNumber += 1;
    const conversationNumber = this.#conversationNumber;
    const { launch, credentials, clock, openConversation, idScope, apiVersion, userAgent } = this.#job;
    // The password expires, so each connection gets a new one.
    const password = credentials.password(clock.epochMs(), key);
    const { clientCertificate } = credentials;
    const { registrationId } = launch;
    this.#conversation = openConversation(
      { registrationId, idScope, apiVersion, userAgent, password, clientCertificate },
      (event) => this.#receive(timed(event, clock.nowMs()), conversationNumber),
    );
  }

  #close(): void {
    this.#conversationNumber += 1;
    this.#conversation?.close();
    this.#conversation = null;
  }

  /** One timer at a time. It stays if it fires too early, which has no effect: most are superseded long before they would fire. */
  #arm(): void {
    const { wakeAtMs } = this.#state;
    if (wakeAtMs === this.#timerAtMs) return;
    if (wakeAtMs !== null && this.#timerAtMs !== null && this.#timerAtMs < wakeAtMs) return;
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

const IS_ALIVE: ReadonlySet<RegistrationEvent['type']> = new Set(['connected', 'answered', 'stale']);

/** Copies member by member: spreading these few shapes would cost as much as a step of the machine. */
function timed(event: ConversationEvent, atMs: number): RegistrationEvent {
  switch (event.type) {
    case 'answered': {
      const { type, status, retryAfterSeconds, body } = event;
      return { type, atMs, status, retryAfterSeconds, body };
    }
    case 'lost':
    case 'unsent':
      return { type: event.type, atMs, failure: event.failure };
    default:
      return { type: event.type, atMs };
  }
}

/** Names every member: an object of so many that is made by spreading costs 5 to 60 µs, and takes several times the memory. */
function registrationOutcome(
  { launch, start }: RegistrationJob,
  ending: RegistrationEnding,
  stalled: StalledTimes | null,
): RegistrationOutcome {
  return {
    kind: 'outcome',
    row: launch.row,
    round: launch.round,
    sequence: launch.sequence,
    registrationId: launch.registrationId,
    group: launch.group,
    expectedHub: launch.expectedHub,
    otherValues: launch.otherValues,
    result: ending.result,
    assignedHub: ending.assignedHub,
    deviceId: ending.deviceId,
    substatus: ending.substatus,
    attempts: ending.attempts,
    registersSent: ending.registersSent,
    possiblyTwice: ending.possiblyTwice,
    polls: ending.polls,
    throttles: ending.throttles,
    serverErrors: ending.serverErrors,
    staleAnswers: ending.staleAnswers,
    retryAftersClamped: ending.retryAftersClamped,
    launchesIncluded: 0,
    errorCode: ending.errorCode,
    errorMessage: ending.errorMessage,
    trackingId: ending.trackingId,
    operationId: ending.operationId,
    operationFailed: ending.operationFailed,
    serviceCreatedAt: ending.serviceCreatedAt,
    serviceUpdatedAt: ending.serviceUpdatedAt,
    intendedAtMs: launch.intendedAtMs ?? ending.startedAtMs,
    startedAtMs: ending.startedAtMs,
    finishedAtMs: ending.finishedAtMs,
    heldMs: launch.heldMs + ending.heldUnderWayMs,
    heldUnderWayMs: ending.heldUnderWayMs,
    waitedMs: ending.waitedMs,
    phases: ending.phases,
    slotWaitMs: start.slotWaitMs,
    stalled,
    returnedPayload: ending.returnedPayload,
    agent: null,
  };
}
