import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { StateKind, StateLine } from '../../src/emulator/service/state-kind.ts';
import { StateLog } from '../../src/emulator/state/state-log.ts';
import { type DiskStep, MemoryDisk } from '../support/memory-disk.ts';

type Thing = StateLine & { readonly id: string; readonly value: string };

/** Things with a value, as a service would hold them. */
async function openLog(first: readonly Thing[] = []) {
  const things = new Map(first.map((thing) => [thing.id, thing]));
  const changes: StateLine[] = [];
  const logged: string[] = [];
  const kind: StateKind = { kind: 'thing', apply: () => {}, complete: () => {}, lines: () => things.values() };
  const disk = new MemoryDisk();
  const foreign = new Map([['0ne99999999', ['{"kind":"other","idScope":"0ne99999999"}']]]);
  const source = {
    file: 'state',
    idScopes: ['0ne1'],
    kinds: [kind],
    changes,
    foreign,
    log: (line: string) => logged.push(line),
  };
  const log = await StateLog.open(source, disk);
  return {
    log,
    disk,
    logged,
    things,
    /** Changes a thing, and tells what became of that. */
    set: (id: string, value: string): Promise<boolean> => {
      const thing = { kind: 'thing', idScope: '0ne1', id, value };
      things.set(id, thing);
      changes.push(thing);
      return new Promise((resolve) => log.whenKept(resolve));
    },
    /** What a power cut now would leave, by ID. */
    onDisk: (): ReadonlyMap<string, string> =>
      new Map(
        (disk.published?.syncedLines ?? []).flatMap((line) => {
          const { kind: found, id, value } = JSON.parse(line) as Thing;
          return found === 'thing' ? [[id, value]] : [];
        }),
      ),
  };
}

const HEAD = [
  '{"kind":"state","version":1,"idScopes":["0ne1","0ne99999999"]}',
  '{"kind":"other","idScope":"0ne99999999"}',
];

/** Of a value with which a few things make a file long enough to be rewritten. */
const LONG = 'x'.repeat(1024 * 1024);

/** Lets the next step of this kind wait. */
function holdBack(disk: MemoryDisk, held: DiskStep): () => void {
  let release = (): void => {};
  const waiting = new Promise<void>((resolve) => {
    release = resolve;
  });
  disk.before = (step) => (step === held ? waiting : undefined);
  return release;
}

describe('the log of the state', () => {
  it('begins as a whole file, with what belongs to others as it was', async () => {
    const { disk, log } = await openLog([{ kind: 'thing', idScope: '0ne1', id: 'a', value: '1' }]);
    expect(disk.published?.syncedLines).toEqual([...HEAD, '{"kind":"thing","idScope":"0ne1","id":"a","value":"1"}']);
    expect(disk.steps).toEqual(['create', 'write', 'sync', 'publish']);
    await log.close();
    expect(disk.published?.isOpen).toBe(false);
  });

  it('answers what changed nothing at once, and all else when it is on disk', async () => {
    const { log, set, onDisk } = await openLog();
    let isAnswered = false;
    log.whenKept(() => {
      isAnswered = true;
    });
    expect(isAnswered).toBe(true);
    const kept = set('a', '1');
    expect(onDisk().get('a')).toBeUndefined();
    expect(await kept).toBe(true);
    expect(onDisk().get('a')).toBe('1');
  });

  it('syncs once for all who wait at the same time, and lets nobody pass who knows of a change that is not kept', async () => {
    const { log, disk, set, onDisk } = await openLog();
    const release = holdBack(disk, 'sync');
    const first = set('first', '1');
    await nextTurn();
    const others = Array.from({ length: 50 }, (_, index) => set(`other ${index}`, '1'));
    let hasPassed = false;
    log.whenKept(() => {
      hasPassed = true;
    });
    await nextTurn();
    expect(hasPassed).toBe(false);
    release();
    expect(await Promise.all([first, ...others])).not.toContain(false);
    expect(hasPassed).toBe(true);
    expect(onDisk().size).toBe(51);
    expect(disk.steps.slice(4)).toEqual(['write', 'sync', 'write', 'sync']);
  });

  it.each(['write', 'sync'] as const)('after a failed %s, nothing is answered as if it were kept', async (failing) => {
    const { log, disk, logged, set } = await openLog();
    await set('before', '1');
    disk.before = (step) => {
      if (step === failing) throw new Error('ENOSPC: no space left on device');
    };
    expect(await set('a', '1')).toBe(false);
    disk.before = () => {};
    expect(await set('b', '1')).toBe(false);
    const steps = disk.steps.length;
    let isKept: boolean | null = null;
    log.whenKept((answer) => {
      isKept = answer;
    });
    expect(isKept).toBe(false);
    expect(disk.steps).toHaveLength(steps);
    expect(logged).toEqual([
      'state: the state cannot be written (ENOSPC: no space left on device); what was answered so far is safe, ' +
        'and all else is answered with 500. Free disk space or repair the disk, then start the emulator again.',
    ]);
    await expect(log.close()).rejects.toThrow('ENOSPC');
    expect(disk.published?.isOpen).toBe(false);
  });

  it('cannot begin on a disk that fails', async () => {
    const disk = new MemoryDisk();
    disk.before = (step) => {
      if (step === 'sync') throw new Error('EIO');
    };
    const source = { file: 'state', idScopes: [], kinds: [], changes: [], foreign: new Map(), log: () => {} };
    await expect(StateLog.open(source, disk)).rejects.toThrow(
      'state: the state cannot be written anew (EIO); the file stays as it is. Free disk space',
    );
    expect(disk.published).toBeNull();
  });
});

describe('a log that has grown', () => {
  it('is written anew, while it goes on keeping what changes', async () => {
    const { log, disk, set, onDisk } = await openLog();
    const old = disk.published;
    for (const value of ['1', '2', '3']) await set('a', value + LONG);
    expect(disk.published).toBe(old);
    const release = holdBack(disk, 'create');
    expect(await set('a', `5${LONG}`)).toBe(true);
    // The new file is begun, and the old one still keeps what changes.
    expect(await set('b', 'meanwhile')).toBe(true);
    expect(disk.published).toBe(old);
    expect(onDisk().get('b')).toBe('meanwhile');
    release();
    expect(await set('c', 'after')).toBe(true);
    await log.close();
    expect(disk.published).not.toBe(old);
    expect(old?.isOpen).toBe(false);
    expect([...onDisk().keys()].sort()).toEqual(['a', 'b', 'c']);
    expect(onDisk().get('a')).toBe(`5${LONG}`);
    expect(disk.published?.synced.length).toBeLessThan(3 * LONG.length);
  });

  it('takes over in pieces what changed meanwhile, however much that is', async () => {
    const { disk, log, onDisk, set } = await openLog();
    const release = holdBack(disk, 'create');
    const written = log.clear();
    for (let turn = 0; turn < 10; turn += 1) {
      await Promise.all(Array.from({ length: 500 }, (_, n) => set(`${turn}-${n}`, 'x'.repeat(30))));
    }
    release();
    await written;
    expect(onDisk().size).toBe(5_000);
    expect(disk.longestWrite).toBeLessThan(100_000);
    await log.close();
  });

  it('loses nothing when the new file cannot be written, and is tried again', async () => {
    const { log, disk, set, onDisk, logged } = await openLog();
    disk.before = (step) => {
      if (step === 'create') throw new Error('ENOSPC');
    };
    const old = disk.published;
    for (const value of ['1', '2', '3', '4', '5']) expect(await set('a', value + LONG)).toBe(true);
    expect(logged).toEqual([
      'state: the state cannot be written anew (ENOSPC); the file stays as it is. Free disk space; it is tried again later.',
    ]);
    expect(disk.published).toBe(old);
    disk.before = () => {};
    for (const value of ['1', '2', '3', '4', '5']) expect(await set('a', value + LONG)).toBe(true);
    await log.close();
    expect(disk.published).not.toBe(old);
    expect(onDisk().get('a')).toBe(`5${LONG}`);
  });

  it('answers nothing any more when the new file cannot take its place, and leaves the old one as it was', async () => {
    const { log, disk, set, onDisk } = await openLog();
    const old = disk.published;
    for (const value of ['1', '2', '3']) await set('a', value + LONG);
    disk.before = (step) => {
      if (step === 'publish') throw new Error('EIO');
    };
    expect(await set('a', `4${LONG}`)).toBe(true);
    await expect(log.close()).rejects.toThrow('EIO');
    expect(disk.published).toBe(old);
    expect(onDisk().get('a')).toBe(`4${LONG}`);
    expect(await set('b', '1')).toBe(false);
  });

  it('holds nothing of what was cleared, even if that was not on disk yet', async () => {
    const { log, disk, set, onDisk, things } = await openLog();
    await set('a', '1');
    void set('b', '1');
    things.clear();
    await log.clear();
    expect(disk.published?.syncedLines).toEqual(HEAD);
    await set('c', '1');
    await log.close();
    expect([...onDisk().keys()]).toEqual(['c']);
  });
});
