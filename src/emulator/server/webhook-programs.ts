import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { OperatorError, problemIn } from '../../problem/operator-error.ts';
import type { Clock, Timer } from '../../time/clock.ts';
import type { DpsInstance, EnrollmentSettings } from '../service/dps-instance.ts';

/** From the start of a program to its first line. */
const START_TIMEOUT_MS = 10_000;

type Program = {
  readonly url: string;
  /** When its file was last changed, milliseconds since 1970. */
  readonly changedAtMs: number;
  stop(): void;
};

/** The webhooks that enrollments name as files (`file:` URLs): each file runs once, as long as an enrollment names it. */
export class WebhookPrograms {
  readonly #clock: Clock;
  /** By the URL of the file. */
  readonly #running = new Map<string, Program>();
  /** Programs that are to end, and when. */
  readonly #leaving = new Map<Program, Timer>();
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Starts programs that are named and do not run yet, and those whose files have changed. The others end when calls to them have
   * had their time.
   *
   * @returns the instances, with the URLs of the programs instead of their files
   * @throws OperatorError when one does not print its URL in time; then everything stays as it was.
   */
  async follow(instances: readonly DpsInstance[], webhookTimeoutMs: number): Promise<readonly DpsInstance[]> {
    const enrollments = instances.flatMap((each) => [...each.enrollmentGroups, ...each.individualEnrollments]);
    const files = new Set(enrollments.map(webhookUrlOf).filter((url) => url.startsWith('file:')));
    const wanted = new Map<string, Program>();
    const started: Program[] = [];
    try {
      for (const file of files) {
        const changedAtMs = changeOf(fileURLToPath(file));
        let program = this.#running.get(file);
        if (program?.changedAtMs !== changedAtMs) {
          program = { ...(await startProgram(fileURLToPath(file), this.#clock)), changedAtMs };
          started.push(program);
          if (this.#isClosed) throw new Error('the emulator has been closed');
        }
        wanted.set(file, program);
      }
    } catch (error) {
      for (const program of started) program.stop();
      throw error;
    }
    const left = [...this.#running.values()].filter((program) => ![...wanted.values()].includes(program));
    this.#running.clear();
    for (const [file, program] of wanted) this.#running.set(file, program);
    for (const program of left) this.#leave(program, webhookTimeoutMs);
    return instances.map((instance) => ({
      ...instance,
      enrollmentGroups: instance.enrollmentGroups.map((group) => this.#located(group)),
      individualEnrollments: instance.individualEnrollments.map((individual) => this.#located(individual)),
    }));
  }

  close(): void {
    this.#isClosed = true;
    for (const timer of this.#leaving.values()) timer.cancel();
    for (const program of [...this.#running.values(), ...this.#leaving.keys()]) program.stop();
    this.#leaving.clear();
  }

  #leave(program: Program, webhookTimeoutMs: number): void {
    const stop = (): void => {
      this.#leaving.delete(program);
      program.stop();
    };
    this.#leaving.set(program, this.#clock.wakeAt(this.#clock.nowMs() + webhookTimeoutMs, stop));
  }

  #located<Settings extends EnrollmentSettings>(enrollment: Settings): Settings {
    const url = this.#running.get(webhookUrlOf(enrollment))?.url;
    const definition = enrollment.customAllocationDefinition;
    if (url === undefined || definition === null) return enrollment;
    return { ...enrollment, customAllocationDefinition: { ...definition, webhookUrl: url } };
  }
}

/** 0 = there is no such file, which its start will tell. */
function changeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function webhookUrlOf({ customAllocationDefinition }: EnrollmentSettings): string {
  return customAllocationDefinition?.webhookUrl ?? '';
}

/**
 * Starts a Node.js program whose first line on stdout is `{"url":"http://…"}`. It gets no environment, which may contain
 * keys. Its stdin ends with the emulator, even if that is killed.
 */
function startProgram(file: string, clock: Clock): Promise<Omit<Program, 'changedAtMs'>> {
  const child = spawn(process.execPath, [file], { env: {}, stdio: ['pipe', 'pipe', 'pipe'] });
  const stop = (): void => {
    child.stdin.end();
    child.kill();
  };
  return new Promise<Omit<Program, 'changedAtMs'>>((resolve, reject) => {
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
