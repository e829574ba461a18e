import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whether this machine has a real Redis; tests that need one say so when it has not. */
export const HAS_REDIS = spawnSync('redis-server', ['--version']).status === 0;

export type RedisServer = {
  readonly port: number;
  readonly pid: number;
  /** Its log and its dump. */
  readonly folder: string;
  url(user?: string): string;
  stop(): Promise<void>;
};

/** A real Redis on a free port of 127.0.0.1, which keeps nothing on disk unless `options` say so. */
export async function startRedisServer(...options: readonly string[]): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'dpsload-redis-'));
  const port = await freePort();
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
  const child = spawn('redis-server', [...place, '--save', '', '--appendonly', 'no', ...options]);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await listening(child);
  return {
    port,
    pid: child.pid ?? 0,
    folder,
    url: (user = '') => `redis://${user === '' ? '' : `${user}@`}127.0.0.1:${port}`,
    async stop() {
      child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function listening(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      if (log.includes('Ready to accept connections')) resolve();
    });
    child.once('exit', () => reject(new Error(`redis-server did not start:\n${log}`)));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });
}
