import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pauseMs } from 'node:timers/promises';
import { freePort } from './free-port.ts';

const PROGRAM = '/usr/bin/redis-server';

/** Without Redis, tests that need it are skipped; not so where they decide. */
export const HAS_REDIS = existsSync(PROGRAM) || process.env['CI'] === 'true';

export type RedisServer = {
  readonly port: number;
  /** Each test can have a database of its own. */
  url(database?: number): string;
  /** Ends it as a power cut would, and starts it again on the same port, with what it kept, after `downMs`. */
  restart(downMs?: number): Promise<void>;
  stop(): Promise<void>;
};

/** Redis on a free port, in a temporary folder. @param options beside those; by default it keeps nothing on disk */
export async function startRedisServer(options: readonly string[] = ['--appendonly', 'no']): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'dpsload-redis-'));
  const port = await freePort();
  let child = await start(folder, port, options);
  const end = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill(signal);
    await ended;
  };
  return {
    port,
    url: (database = 0) => `redis://127.0.0.1:${port}/${database}`,
    async restart(downMs = 0) {
      await end('SIGKILL');
      await pauseMs(downMs);
      child = await start(folder, port, options);
    },
    async stop() {
      await end('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves when Redis itself says that it listens: at its port, somebody else might. */
async function start(folder: string, port: number, options: readonly string[]): Promise<ChildProcess> {
  const always = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  const child = spawn(PROGRAM, [...always, ...options], { stdio: ['ignore', 'pipe', 'ignore'] });
  await new Promise<void>((resolve, reject) => {
    let log = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      if (log.includes('Ready to accept connections')) resolve();
    });
    child.once('error', reject);
    child.once('close', (code) => reject(new Error(`redis-server ended with ${code}: ${log}`)));
  });
  return child;
}
