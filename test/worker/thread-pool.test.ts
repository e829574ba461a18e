import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { threadPool, type WarmThreads, warmThreads } from '../../src/worker/thread-pool.ts';
import type { WorkerSetup } from '../../src/worker/worker-messages.ts';
import type { WorkerPool } from '../../src/worker/worker-pool.ts';
import { NO_AGENTS_HEARD } from '../support/local-pool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const folder = temporaryFolder();

let pool: WorkerPool | null = null;
afterEach(() => pool?.destroy());

function moduleFile(module: string): string {
  const file = join(mkdtempSync(join(folder, 'pool-')), 'worker.mjs');
  writeFileSync(file, module);
  return file;
}

/** A pool whose threads load `module`, or are there already, and what is heard of them, in its order. */
function poolOf(source: string | WarmThreads, workers = 1) {
  const clock = new VirtualClock();
  const heard: string[] = [];
  const listeners: (() => void)[] = [];
  const tell = (what: string): void => {
    heard.push(what);
    for (const listener of listeners) listener();
  };
  const shares = Array.from({ length: workers }, () => 1);
  const startPool = typeof source === 'string' ? threadPool(moduleFile(source)) : source.startPool;
  const started = startPool(
    { setup: {} as WorkerSetup, concurrencyShares: shares, clock },
    {
      ...NO_AGENTS_HEARD,
      message: (worker, { type }) => tell(`${worker} ${type}`),
      lost: (worker, { message }) => tell(`${worker} lost: ${message}`),
    },
  );
  pool = started;
  return {
    pool: started,
    clock,
    heard,
    until: (count: number) =>
      new Promise<void>((resolve) => {
        const look = (): void => (heard.length >= count ? resolve() : undefined);
        listeners.push(look);
        look();
      }),
  };
}

const worker = (body: string): string => `export function runRegistrationWorker({ port }) {
  const send = (type) => port.postMessage({ type });
  return new Promise((resolve, reject) => { ${body} });
}`;

describe('a worker', () => {
  it('starts also where the process has options that threads cannot have', async () => {
    process.execArgv.push('--max-old-space-size=4096');
    try {
      const { heard, until } = poolOf(worker("send('started'); resolve();"));
      await until(1);
      expect(heard[0]).toBe('0 started');
    } finally {
      process.execArgv.pop();
    }
  });

  it.each([
    ['whose task rejects while its thread lives', "reject(new Error('broken'))", 'broken'],
    ['whose thread ends', 'process.exit(7)', 'worker exited with code: 7'],
    ['whose thread throws', "setImmediate(() => { throw new Error('thrown'); })", 'thrown'],
  ])('%s is lost after all that it sent, and can be replaced or given up', async (_, end, reason) => {
    const sent = Array.from({ length: 50 }, () => "send('connected');").join(' ');
    const { pool, heard, until } = poolOf(worker(`send('ready'); ${sent} ${end};`));
    const once = ['0 ready', ...Array.from({ length: 50 }, () => '0 connected'), `0 lost: ${reason}`];
    await until(once.length);
    expect(heard).toEqual(once);
    pool.replace(0);
    await until(2 * once.length);
    expect(heard).toEqual([...once, ...once]);
    pool.giveUp(0);
    await Promise.all([pool.ready, pool.ended]);
  });

  it('that never gets ready is lost, and no longer waited for', async () => {
    const { pool, clock, heard, until } = poolOf('await new Promise(() => setInterval(() => {}, 1_000));', 2);
    clock.advanceTo(59_999);
    expect(heard).toEqual([]);
    clock.advanceTo(60_000);
    await until(2);
    expect(heard.toSorted()).toEqual([0, 1].map((index) => `${index} lost: it was not ready within 60 s`));
    for (const index of [0, 1]) pool.giveUp(index);
    await pool.ready;
  });

  it('that is ready is waited for no longer', async () => {
    const { pool, clock } = poolOf(worker("send('ready');"), 3);
    await pool.ready;
    expect(clock.timers).toBe(0);
  });

  it('whose module cannot be loaded is lost each time', async () => {
    const { pool, heard, until } = poolOf("throw new Error('no such thing');");
    await until(1);
    pool.replace(0);
    await until(2);
    expect(heard).toEqual(heard.map(() => '0 lost: no such thing'));
  });

  it('that hangs is lost when it is killed, with the reason', async () => {
    const { pool, heard, until } = poolOf(worker("send('ready'); send('connected'); for (;;);"));
    await until(2);
    pool.kill(0, new Error('it was silent'));
    await until(3);
    expect(heard).toEqual(['0 ready', '0 connected', '0 lost: it was silent']);
  });

  it('reports its end last, and does not count as lost', async () => {
    const { pool, heard } = poolOf(
      worker("send('ready'); send('connected'); send('ended'); port.close(); resolve();"),
      2,
    );
    await pool.ended;
    expect(heard.toSorted()).toEqual(['0 connected', '0 ready', '1 connected', '1 ready']);
  });
});

describe('threads that were started before their pool', () => {
  it('have loaded their module when they get their task', async () => {
    const loaded = join(mkdtempSync(join(folder, 'warm-')), 'loaded');
    const module = `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(loaded)}, '');`;
    const threads = warmThreads(1, moduleFile(`${module} ${worker("send('ready'); send('connected');")}`));
    await expect.poll(() => existsSync(loaded)).toBe(true);
    const { until } = poolOf(threads);
    await until(1);
  });

  it('are lost with their pool if they could not load their module', async () => {
    const threads = warmThreads(1, moduleFile("throw new Error('no such thing');"));
    await new Promise((resolve) => setTimeout(resolve, 200));
    const { heard, until } = poolOf(threads);
    await until(1);
    expect(heard).toEqual(['0 lost: no such thing']);
  });

  it('end without a pool, and after it', async () => {
    const threads = warmThreads(2, moduleFile(worker("send('ready');")));
    await threads.end();
    await threads.end();
  });
});

it('a pool that is destroyed tells of no loss, and sets no timer any more', async () => {
  const { pool, clock, heard } = poolOf('await new Promise(() => setInterval(() => {}, 1_000));', 2);
  await pool.destroy();
  expect([heard, clock.timers]).toEqual([[], 0]);
});
