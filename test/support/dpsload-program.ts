import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

export type Started = {
  readonly child: ChildProcess;
  /** What it has printed so far. */
  stdout(): string;
  stderr(): string;
  readonly ended: Promise<Ended>;
  /** Resolves when `holds` does of what was printed; rejects when the program ends before. */
  until(holds: (printed: { readonly stdout: string; readonly stderr: string }) => boolean): Promise<void>;
};

type Options = {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Modules of `preload/` that Node loads before the program, in every thread, with their parameters. */
  readonly preload?: readonly string[];
  /** The user who runs it; the test's own when absent. */
  readonly uid?: number;
};

const PRELOAD = new URL('./preload/', import.meta.url);

/** Starts the built program. Nothing of the test's own environment that concerns dpsload reaches it. */
export function startDpsload(args: readonly string[], { cwd, env = {}, preload = [], uid }: Options = {}): Started {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('DPSLOAD_'));
  const imports = preload.flatMap((module) => ['--import', new URL(module, PRELOAD).href]);
  const child = spawn(process.execPath, [...imports, MAIN, ...args], {
    cwd,
    uid,
    env: { ...Object.fromEntries(inherited), NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    for (const watch of watchers) watch();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    for (const watch of watchers) watch();
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    until: (holds) =>
      new Promise((resolve, reject) => {
        const watch = (): void => {
          if (!holds({ stdout, stderr })) return;
          watchers.delete(watch);
          resolve();
        };
        watchers.add(watch);
        watch();
        void ended.then(({ code }) => reject(new Error(`ended with ${code} before that:\n${stdout}\n${stderr}`)));
      }),
  };
}

export function dpsload(args: readonly string[], options: Options = {}): Promise<Ended> {
  return startDpsload(args, options).ended;
}

export type EmulatorProgram = {
  readonly port: number;
  readonly idScope: string;
  readonly caFile: string;
  /** Only with `--http-port`. */
  readonly httpPort: number;
  /** Only with `--hub-port`. */
  readonly hubPort: number;
  /** The first enrollment group. */
  readonly group: string;
  readonly pid: number;
  /** Ends it in order, and waits for that. */
  stop(): Promise<Ended>;
};

/** The emulator as a program of its own, on a free port. RSA keys would only delay its start. */
export async function startEmulatorProgram(
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<EmulatorProgram> {
  const program = startDpsload(['emulator', '--port', '0', '--server-keys', 'ecdsa', ...args], { env });
  await program.until(({ stdout }) => stdout.includes('\n'));
  const { enrollmentGroups, ...ready } = JSON.parse(program.stdout()) as EmulatorProgram & {
    readonly enrollmentGroups: readonly string[];
  };
  return {
    ...ready,
    group: enrollmentGroups[0] ?? '',
    pid: program.child.pid ?? 0,
    stop: () => {
      program.child.kill('SIGTERM');
      return program.ended;
    },
  };
}
