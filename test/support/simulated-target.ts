import type { Conversation, ConversationEvent, OpenConversation } from '../../src/conversation/conversation.ts';
import { parseAnswerBody } from '../../src/dps/payloads.ts';
import type { SimulatedLoop } from './simulated-loop.ts';
import type { SimulatedRandom } from './simulated-random.ts';
import type { VirtualClock } from './virtual-clock.ts';

const CONNECT_MIN_MS = 5;
const ANSWER_MS = { min: 5, max: 40 } as const;
/** Of connections that end before they are ready, and of those that end after a register request. */
const LOST_SHARE = 0.005;
const RETRY_AFTER_SECONDS = 1;

const ACCEPTED = parseAnswerBody('{"operationId":"5.0123456789abcdef.a","status":"assigning"}');
const ASSIGNED = parseAnswerBody(
  '{"operationId":"5.0123456789abcdef.a","status":"assigned","registrationState":{"assignedHub":"hub-a","deviceId":"d"}}',
);

/** Where a conversation comes from. */
export type Origin = {
  readonly loop: SimulatedLoop;
  /** Launch number by registration ID. */
  readonly sequenceOf: (registrationId: string) => number;
};

/** What the service saw of one launch, in true time. */
export type SeenLaunch = {
  readonly registrationId: string;
  readonly opensAtMs: number[];
  readonly registersAtMs: number[];
  /** When the device heard of it last. */
  heardAtMs: number;
};

/** A healthy service, and a network that now and then drops a connection; it notes what every launch does. */
export class SimulatedTarget {
  readonly launches = new Map<number, SeenLaunch>();
  readonly registers = new Map<string, number>();
  readonly registersAtMs: number[] = [];
  readonly #clock: VirtualClock;
  readonly #random: SimulatedRandom;
  readonly #connectMaxMs: number;

  constructor(clock: VirtualClock, random: SimulatedRandom) {
    this.#clock = clock;
    this.#random = random;
    this.#connectMaxMs = random.pick([40, 400]);
  }

  openFrom({ loop, sequenceOf }: Origin): OpenConversation {
    return ({ registrationId }, onEvent): Conversation => {
      const seen = this.#launch(sequenceOf(registrationId), registrationId);
      seen.opensAtMs.push(this.#clock.nowMs());
      let isOpen = true;
      const emit = (afterMs: number, ...events: readonly ConversationEvent[]): void => {
        this.#clock.wakeAt(this.#clock.nowMs() + afterMs, () =>
          loop.run(() => {
            if (isOpen) seen.heardAtMs = this.#clock.nowMs();
            for (const event of events) if (isOpen) onEvent(event);
          }),
        );
      };
      const lose = (afterMs: number): void =>
        emit(afterMs, { type: 'lost', failure: { code: 'closed', message: 'simulated' } });
      const connectMs = this.#random.whole(CONNECT_MIN_MS, this.#connectMaxMs);
      if (this.#random.chance(LOST_SHARE)) lose(connectMs);
      else emit(connectMs, { type: 'tcpConnected' }, { type: 'secured' }, { type: 'connected' }, { type: 'ready' });
      const answerMs = (): number => this.#random.whole(ANSWER_MS.min, ANSWER_MS.max);
      return {
        register: () => {
          this.#register(seen);
          if (this.#random.chance(LOST_SHARE)) lose(answerMs());
          else emit(answerMs(), answered(202, RETRY_AFTER_SECONDS, ACCEPTED));
        },
        poll: () => emit(answerMs(), answered(200, null, ASSIGNED)),
        close: () => {
          isOpen = false;
        },
      };
    };
  }

  #register(seen: SeenLaunch): void {
    const nowMs = this.#clock.nowMs();
    seen.registersAtMs.push(nowMs);
    this.registersAtMs.push(nowMs);
    this.registers.set(seen.registrationId, (this.registers.get(seen.registrationId) ?? 0) + 1);
  }

  #launch(sequence: number, registrationId: string): SeenLaunch {
    const known = this.launches.get(sequence);
    if (known !== undefined) return known;
    const launch: SeenLaunch = { registrationId, opensAtMs: [], registersAtMs: [], heardAtMs: 0 };
    this.launches.set(sequence, launch);
    return launch;
  }
}

function answered(
  status: number,
  retryAfterSeconds: number | null,
  body: ReturnType<typeof parseAnswerBody>,
): ConversationEvent {
  return { type: 'answered', status, retryAfterSeconds, body };
}
