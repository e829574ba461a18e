import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { OperatorError, problemIn } from '../../problem/operator-error.ts';
import { withoutUrlSecrets } from '../../problem/quote-value.ts';
import type { Clock } from '../../time/clock.ts';
import type { DpsInstance, EnrollmentSettings } from '../service/dps-instance.ts';
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
    let isTimeUp = false;
    const timer = this.#clock.wakeAt(this.#clock.nowMs() + call.timeoutMs, () => {
      isTimeUp = true;
      abort.abort();
    });
    let cause: string | null = null;
    const outcome = await post(call, abort.signal).catch((error: Error): WebhookOutcome => {
      if (isTimeUp) return { kind: 'timed-out' };
      cause = error.message;
      return { kind: 'unreachable' };
    });
    timer.cancel();
    this.#open.delete(abort);
    const failure = call.settle(outcome, this.#serviceTimeMs());
    if (failure === null) return;
    // A cause may quote the URL.
    const reason = cause === null ? failure : `${failure} (${withoutUrlSecrets(cause)})`;
    this.#log(`${call.device}: webhook ${withoutUrlSecrets(call.url)}: ${reason}`);
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

/** From the start of a program to its first line. */
const START_TIMEOUT_MS = 10_000;

export type WebhookPrograms = {
  /** The instances, with the URLs of the programs instead of their files. */
  readonly instances: readonly DpsInstance[];
  close(): void;
};

type Running = { readonly url: string; stop(): void };

/**
 * Starts the webhooks that enrollments name as files (`file:` URLs), each once; they run as long as the emulator.
 *
 * @throws OperatorError when one does not print its URL in time.
 */
export async function startWebhookPrograms(instances: readonly DpsInstance[], clock: Clock): Promise<WebhookPrograms> {
  const enrollments = instances.flatMap((each) => [...each.enrollmentGroups, ...each.individualEnrollments]);
  const files = new Set(enrollments.map(webhookUrlOf).filter((url) => url.startsWith('file:')));
  const running = new Map<string, Running>();
  const close = (): void => {
    for (const program of running.values()) program.stop();
  };
  try {
    for (const file of files) running.set(file, await startProgram(fileURLToPath(file), clock));
  } catch (error) {
    close();
    throw error;
  }
  const located = <Settings extends EnrollmentSettings>(enrollment: Settings): Settings => {
    const url = running.get(webhookUrlOf(enrollment))?.url;
    const definition = enrollment.customAllocationDefinition;
    if (url === undefined || definition === null) return enrollment;
    return { ...enrollment, customAllocationDefinition: { ...definition, webhookUrl: url } };
  };
  const withUrls = instances.map((instance) => ({
    ...instance,
    enrollmentGroups: instance.enrollmentGroups.map(located),
    individualEnrollments: instance.individualEnrollments.map(located),
  }));
  return { instances: withUrls, close };
}

function webhookUrlOf({ customAllocationDefinition }: EnrollmentSettings): string {
  return customAllocationDefinition?.webhookUrl ?? '';
}

/**
 * Starts a Node.js program whose first line on stdout is `{"url":"http://…"}`. It gets no environment, which may contain
 * keys. Its stdin ends with the emulator, even if that is killed.
 */
function startProgram(file: string, clock: Clock): Promise<Running> {
  const child = spawn(process.execPath, [file], { env: {}, stdio: ['pipe', 'pipe', 'pipe'] });
  const stop = (): void => {
    child.stdin.end();
    child.kill();
  };
  return new Promise<Running>((resolve, reject) => {
    let [out, log] = ['', ''];
    const fail = (reason: string): void => {
      timer.cancel();
      stop();
      reject(notStarted(file, `${reason}${log === '' ? '' : `: ${causeIn(log)}`}`));
    };
    const timer = clock.wakeAt(clock.nowMs() + START_TIMEOUT_MS, () => fail('did not print its URL in time'));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      // Only the beginning can explain a failed start; reading the rest keeps the pipe empty.
      if (log.length < 10_000) log += text;
    });
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (out.includes('\n')) return;
      out += text;
      if (!out.includes('\n')) return;
      const url = urlIn(out.slice(0, out.indexOf('\n')));
      if (url === null) return fail('did not print {"url":"http://…"} as its first line');
      timer.cancel();
      resolve({ url, stop });
    });
    child.once('error', (error) => fail(error.message));
    // `close` comes after all its output has been read.
    child.once('close', () => fail('ended'));
  });
}

/** The line that names the error, if there is one: Node.js prints the source line before it, and the stack after it. */
function causeIn(log: string): string {
  const lines = log.trim().split('\n');
  return lines.find((line) => /^[A-Za-z]*Error\b/.test(line)) ?? lines.at(-1) ?? '';
}

function urlIn(line: string): string | null {
  try {
    const { url } = JSON.parse(line) as { readonly url?: unknown };
    return typeof url === 'string' && /^https?:\/\//.test(url) ? url : null;
  } catch {
    return null;
  }
}

function notStarted(file: string, reason: string): OperatorError {
  const message = `the webhook cannot be started: it ${reason}`;
  const remedy =
    'Make it print {"url":"http://127.0.0.1:PORT/"} first, as scenarios/emulator/allocation-webhook.mjs does';
  return new OperatorError('usage', [problemIn(file, message, remedy)]);
}
