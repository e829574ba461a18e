import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GROUP_KEY_ENV } from '../support/group-key.ts';
import { targetArgs } from '../support/target-args.ts';

/** The built program; benchmarks run in the folder of the project. */
const MAIN = 'dist/cli/main.js';

export type JournalLine = {
  readonly kind: string;
  readonly atMs: number;
  readonly started?: number;
  readonly intended?: number;
  readonly result?: string;
  readonly inFlight?: number;
  readonly rssBytes?: number;
  readonly cpuShare?: number;
};

export type Emulator = {
  readonly port: number;
  readonly idScope: string;
  readonly caFile: string;
  stop(): Promise<void>;
};

/** A folder for a benchmark's files, removed when `work` ends. */
export async function inTemporaryFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'dpsload-bench-'));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The emulator, as a process of its own. */
export async function startEmulator(retryAfterSeconds: number, ...options: readonly string[]): Promise<Emulator> {
  const child = start(['emulator', '--port', '0', '--retry-after', String(retryAfterSeconds), ...options], 'pipe');
  let line = '';
  child.stdout?.setEncoding('utf8');
  while (!line.includes('\n')) line += (await once(child.stdout as NonNullable<typeof child.stdout>, 'data'))[0];
  const { port, idScope, caFile } = JSON.parse(line) as Emulator;
  return {
    port,
    idScope,
    caFile,
    async stop() {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** A run of so many devices; results go into `folder`. */
export function startRun(
  folder: string,
  emulator: Emulator,
  devices: number,
  options: readonly string[],
): ChildProcess {
  const fleet = join(folder, 'fleet.csv');
  const ids = Array.from({ length: devices }, (_, index) => `bench-${index}`);
  writeFileSync(fleet, `registration_id\n${ids.join('\n')}\n`);
  return start(
    ['run', fleet, ...targetArgs(emulator), '--out', join(folder, 'out'), '--quiet', '--again', ...options],
    'ignore',
  );
}

function start(args: readonly string[], stdout: 'pipe' | 'ignore'): ChildProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('DPSLOAD_'));
  return spawn(process.execPath, [MAIN, ...args], {
    env: { ...Object.fromEntries(inherited), ...GROUP_KEY_ENV },
    // An emulator says more than a benchmark wants to hear when the machine is too slow.
    stdio: ['ignore', stdout, args[0] === 'emulator' ? 'ignore' : 'inherit'],
  });
}

/** What the newest run in `folder` has written so far; nothing when there is none. */
export function journalOf(folder: string): readonly JournalLine[] {
  try {
    const run = readdirSync(join(folder, 'out')).sort().at(-1) ?? '';
    const text = readFileSync(join(folder, 'out', run, 'journal.ndjson'), 'utf8');
    return text
      .slice(0, text.lastIndexOf('\n'))
      .split('\n')
      .map((line) => JSON.parse(line) as JournalLine);
  } catch {
    return [];
  }
}
