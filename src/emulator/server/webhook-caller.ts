import type { Clock } from '../../time/clock.ts';
import type { WebhookCall, WebhookOutcome } from '../service/webhook.ts';

/** Makes webhook calls over HTTP, and ends them when the emulator ends. */
export class WebhookCaller {
  readonly #clock: Clock;
  readonly #serviceTimeMs: () => number;
  readonly #log: (line: string) => void;
  readonly #open = new Set<AbortController>();

  constructor(clock: Clock, serviceTimeMs: () => number, log: (line: string) => void) {
    this.#clock = clock;
    this.#serviceTimeMs = serviceTimeMs;
    this.#log = log;
  }

  /** Resolves when the call is settled; never rejects. */
  async call(call: WebhookCall): Promise<void> {
    const abort = new AbortController();
    this.#open.add(abort);
    let isTimeUp = false;
    const timer = this.#clock.wakeAt(this.#clock.nowMs() + call.timeoutMs, () => {
      isTimeUp = true;
      abort.abort();
    });
    const outcome = await post(call, abort.signal).catch((error: Error): WebhookOutcome => {
      this.#log(`webhook ${call.url}: ${isTimeUp ? 'timed out' : error.message}`);
      return { kind: isTimeUp ? 'timed-out' : 'unreachable' };
    });
    timer.cancel();
    this.#open.delete(abort);
    if (outcome.kind === 'answered' && outcome.status > 299)
      this.#log(`webhook ${call.url}: answered ${outcome.status}`);
    call.settle(outcome, this.#serviceTimeMs());
  }

  close(): void {
    for (const abort of this.#open) abort.abort();
  }
}

async function post({ url, body }: WebhookCall, signal: AbortSignal): Promise<WebhookOutcome> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' });
  return { kind: 'answered', status: response.status, body: await response.text() };
}
