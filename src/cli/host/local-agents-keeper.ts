import { type ChildProcess, spawn } from 'node:child_process';
import { packageFile } from '../../files/package-files.ts';
import type { KeeperReply, KeeperRequest } from './local-agents.ts';

/*
 * The first file of a process that stands between a run and its local agents. It ends them when the run closes the channel or is gone, in
 * whatever way: redis-server cannot watch over that. They hold nothing worth an orderly end: by then, the run has let the agents go, or is dead.
 */

/** Only the beginning of an output can explain a failed start. */
const OUTPUT_MAX = 10_000;

const children = new Set<ChildProcess>();
let isEnding = false;

process.once('message', (request) => void keep(request as KeeperRequest));
process.once('disconnect', endAll);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, endAll);

async function keep({ agents, redisConfig, redisServer }: KeeperRequest): Promise<void> {
  const reply: KeeperReply = { failure: null };
  try {
    const redis = start(redisServer, ['-'], {});
    redis.stdin?.on('error', () => {}).end(redisConfig);
    await untilReady(redis, 'redis-server', (output) => output.includes('Ready to accept connections'));
    const main = packageFile('dist/cli/main.js');
    await Promise.all(
      agents.map((args) => {
        const agent = start(process.execPath, [main, ...args], process.env);
        return untilReady(agent, args.join(' '), (output) => output.includes('\n'));
      }),
    );
    if (process.connected) process.send?.(reply);
  } catch (error) {
    if (process.connected)
      process.send?.({ ...reply, failure: error instanceof Error ? error.message : String(error) });
  }
}

function start(program: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  if (isEnding) throw new Error('the run has ended');
  const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

/** Rejects with what the process said when it ends before. Its output is read to the end, to keep the pipes from filling up. */
function untilReady(child: ChildProcess, name: string, isReady: (output: string) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    let complaint = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (output.length < OUTPUT_MAX) output += text;
      if (isReady(output)) resolve();
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (complaint.length < OUTPUT_MAX) complaint += text;
    });
    child.once('error', reject);
    // By `close`, all output has been read.
    child.once('close', () => reject(new Error(`${name} has ended: ${complaint.trim() || output.trim()}`)));
  });
}

function endAll(): void {
  isEnding = true;
  for (const child of children) child.kill('SIGKILL');
  if (process.connected) process.disconnect?.();
}
