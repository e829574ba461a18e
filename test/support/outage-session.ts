import type { AttestationKeys } from '../../src/attestation/attestation-keys.ts';
import type { Conversation, ConversationEvent, OpenConversation } from '../../src/conversation/conversation.ts';
import { parseAnswerBody } from '../../src/dps/payloads.ts';
import type { LoadShape } from '../../src/load/pace.ts';
import type { RegistrationOutcome } from '../../src/registration/registration-outcome.ts';
import { SETUP, sessionBench, waveOf } from './session-bench.ts';
import type { VirtualClock } from './virtual-clock.ts';
import { virtualWorkers } from './virtual-workers.ts';

/** `refused`: connections end at once; `silent`: nothing answers any more, not even on open connections. */
export type OutageKind = 'refused' | 'silent';

export type OutageRun = {
  readonly keys: AttestationKeys;
  readonly devices: number;
  readonly concurrency: number;
  readonly shape: LoadShape;
  readonly onOutage: 'hold' | 'ignore';
  readonly kind: OutageKind;
  readonly fromMs: number;
  readonly untilMs: number;
  /** When the service wants to be polled, and has assigned the device. */
  readonly retryAfterSeconds: number;
};

const CONNECT_MS = 20;
const ANSWER_MS = 30;
const ACCEPTED = parseAnswerBody('{"operationId":"5.0123456789abcdef.a","status":"assigning"}');
const ASSIGNED = parseAnswerBody(
  '{"operationId":"5.0123456789abcdef.a","status":"assigned","registrationState":{"assignedHub":"hub-a","deviceId":"d"}}',
);

/** A healthy service that does not respond for a while. */
class AbsentService {
  readonly connectionsAtMs: number[] = [];
  readonly registers = new Map<string, number>();
  readonly #open = new Set<(event: ConversationEvent) => void>();
  readonly #run: OutageRun;
  readonly #clock: VirtualClock;

  constructor(run: OutageRun, clock: VirtualClock) {
    this.#run = run;
    this.#clock = clock;
    if (run.kind === 'refused') clock.wakeAt(run.fromMs, () => this.#cut());
  }

  readonly open: OpenConversation = ({ registrationId, clientCertificate, password }, onEvent): Conversation => {
    if ((clientCertificate === null) === (password === null)) throw new Error('neither key nor certificate, or both');
    this.connectionsAtMs.push(this.#clock.nowMs());
    let closed = false;
    const emit = (event: ConversationEvent): void => {
      if (!closed) onEvent(event);
    };
    this.#open.add(emit);
    const { retryAfterSeconds } = this.#run;
    const answer = (status: number, body: ReturnType<typeof parseAnswerBody>): void =>
      this.#later(ANSWER_MS, () =>
        emit({ type: 'answered', status, retryAfterSeconds: status === 202 ? retryAfterSeconds : null, body }),
      );
    if (this.#isAway && this.#run.kind === 'refused')
      this.#clock.wakeAt(this.#clock.nowMs() + 1, () =>
        emit({ type: 'lost', failure: { code: 'tcp-refused', message: 'M' } }),
      );
    else
      this.#later(CONNECT_MS, () => {
        for (const type of ['tcpConnected', 'secured', 'connected', 'ready'] as const) emit({ type });
      });
    return {
      register: () => {
        this.registers.set(registrationId, (this.registers.get(registrationId) ?? 0) + 1);
        answer(202, ACCEPTED);
      },
      poll: () => answer(200, ASSIGNED),
      close: () => {
        closed = true;
        this.#open.delete(emit);
      },
    };
  };

  get #isAway(): boolean {
    return this.#clock.nowMs() >= this.#run.fromMs && this.#clock.nowMs() < this.#run.untilMs;
  }

  /** Nothing comes of what falls into the outage. */
  #later(durationMs: number, work: () => void): void {
    const wasAway = this.#isAway;
    this.#clock.wakeAt(this.#clock.nowMs() + durationMs, () => {
      if (!wasAway && !this.#isAway) work();
    });
  }

  #cut(): void {
    for (const emit of [...this.#open]) emit({ type: 'lost', failure: { code: 'closed', message: 'M' } });
  }
}

/** A whole session with real workers and an outage, in virtual time. */
export async function sessionWithOutage(run: OutageRun) {
  let service: AbsentService | null = null;
  const { devices, shape, concurrency, onOutage, keys, fromMs, untilMs } = run;
  const bench = sessionBench([waveOf(devices, { shape })], {
    startPool: virtualWorkers((clock) => {
      service = new AbsentService(run, clock);
      return service.open;
    }),
    setup: { ...SETUP, keys },
    load: { workers: 2, concurrency, onOutage, outageMaxMs: 900_000 },
  });
  for (let seconds = 0; bench.end() === null && seconds < 3_000; seconds += 1) await bench.advance(1_000);
  const { connectionsAtMs = [], registers = new Map<string, number>() } = (service ?? {}) as Partial<AbsentService>;
  const outcomes = bench.outcomes() as readonly RegistrationOutcome[];
  return {
    end: bench.end(),
    notices: bench.notices,
    /** The last outcome of each row. */
    final: [...new Map(outcomes.map((outcome) => [outcome.row, outcome])).values()],
    connectionsAtMs,
    during: connectionsAtMs.filter((atMs) => atMs >= fromMs && atMs < untilMs).length,
    registers: [...registers.values()].reduce((sum, count) => sum + count, 0),
  };
}
