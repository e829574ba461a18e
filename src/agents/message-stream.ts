import type { Clock, Timer } from '../time/clock.ts';

/** Several messages that travel as one, numbered from the first of the stream. */
export type StreamEntry<Message> = { readonly first: number; readonly messages: readonly Message[] };

/** One entry costs Redis as much as many messages in it. */
const ENTRY_MESSAGES_MAX = 64;
/** While Redis cannot be reached. */
const RETRY_MS = 100;

/** Sends messages in order, one entry after the other, and each again until it was accepted: the receiver drops what it has seen. */
export class OutboundMessages<Message> {
  readonly #clock: Clock;
  readonly #append: (entry: StreamEntry<Message>) => Promise<void>;
  #queue: Message[] = [];
  #first = 1;
  #inFlight = 0;
  /** Number of the last message that was sent again: the stream may hold several copies of those up to it. */
  #repeatedTo = 0;
  #isStopped = false;
  #timer: Timer | null = null;
  #onEmpty: (() => void)[] = [];

  /** @param append resolves when Redis has the entry; rejects when it may not have it */
  constructor(clock: Clock, append: (entry: StreamEntry<Message>) => Promise<void>) {
    this.#clock = clock;
    this.#append = append;
  }

  send(message: Message): void {
    if (this.#isStopped) return;
    this.#queue.push(message);
    // What is sent in the same moment travels as one.
    this.#timer ??= this.#clock.wakeAt(this.#clock.nowMs(), () => void this.#flush());
  }

  /** Resolves when everything sent so far was accepted, or the stream is stopped. */
  flushed(): Promise<void> {
    if (this.#queue.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onEmpty.push(resolve));
  }

  /** Sends nothing more. @returns what Redis surely never got */
  stop(): readonly Message[] {
    this.#isStopped = true;
    this.#timer?.cancel();
    const rest = this.#queue.slice(this.#inFlight);
    this.#queue = [];
    this.#settle();
    return rest;
  }

  /** Messages of entries that were never handed out: those of which no earlier copy can have arrived. */
  neverArrived(entries: readonly StreamEntry<Message>[]): readonly Message[] {
    return entries.flatMap(({ first, messages }) => messages.filter((_, index) => first + index > this.#repeatedTo));
  }

  async #flush(): Promise<void> {
    // An entry that is sent again grows no longer: what Redis surely never got stays as much as possible.
    if (this.#inFlight === 0) this.#inFlight = Math.min(ENTRY_MESSAGES_MAX, this.#queue.length);
    const messages = this.#queue.slice(0, this.#inFlight);
    const isAccepted = await this.#append({ first: this.#first, messages }).then(
      () => true,
      () => false,
    );
    if (this.#isStopped) return;
    if (isAccepted) {
      this.#queue.splice(0, messages.length);
      this.#first += messages.length;
      this.#inFlight = 0;
    } else this.#repeatedTo = this.#first + messages.length - 1;
    const { length } = this.#queue;
    const inMs = isAccepted ? 0 : RETRY_MS;
    this.#timer = length === 0 ? null : this.#clock.wakeAt(this.#clock.nowMs() + inMs, () => void this.#flush());
    if (length === 0) this.#settle();
  }

  #settle(): void {
    for (const resolve of this.#onEmpty.splice(0)) resolve();
  }
}

/** Leaves out messages that arrive again. */
export class InboundMessages<Message> {
  #last = 0;

  take({ first, messages }: StreamEntry<Message>): readonly Message[] {
    const fresh = messages.slice(Math.max(0, this.#last + 1 - first));
    this.#last = Math.max(this.#last, first + messages.length - 1);
    return fresh;
  }
}
