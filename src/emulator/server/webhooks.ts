import { withoutUrlSecrets } from '../../problem/quote-value.ts';
import type { Clock } from '../../time/clock.ts';
import type { WebhookCall, WebhookOutcome } from '../service/webhook.ts';

/** Makes webhook calls over HTTP, and aborts them when the emulator stops. */
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
    let isSettled = false;
    const settle = (outcome: WebhookOutcome, cause: string | null): void => {
      if (isSettled) return;
      isSettled = true;
      timer.cancel();
      this.#open.delete(abort);
      const failure = call.settle(outcome, this.#serviceTimeMs());
      if (failure === null) return;
      // A cause may quote the URL.
      const reason = cause === null ? failure : `${failure} (${withoutUrlSecrets(cause)})`;
      this.#log(`${call.device}: webhook ${withoutUrlSecrets(call.url)}: ${reason}`);
    };
    const timer = this.#clock.wakeAt(this.#clock.nowMs() + call.timeoutMs, () => {
      settle({ kind: 'timed-out' }, null);
      abort.abort();
    });
    await post(call, abort.signal).then(
      (outcome) => settle(outcome, null),
      (error: Error) => settle({ kind: 'unreachable' }, error.message),
    );
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
