import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OperatorError } from '../../src/problem/operator-error.ts';
import { lockRunFolder } from '../../src/run-folder/run-lock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const parent = temporaryFolder();
const newFolder = (): string => mkdtempSync(join(parent, 'run-'));

/** A process that is not this one, and how it ends. */
function otherProcess() {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  return {
    pid: child.pid ?? 0,
    end: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

const startOf = (pid: number): string => {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
};

/** As another process would have left it. */
const leave = (folder: string, pid: number, start: string, host = hostname()): void =>
  writeFileSync(join(folder, `lock-${pid}-${start}-${host}`), '');

describe('the lock of a run', () => {
  it('is there for its owner alone while it is held, and gone afterwards', () => {
    const folder = newFolder();
    const unlock = lockRunFolder(folder);
    const [name = ''] = readdirSync(folder);
    expect(name).toMatch(new RegExp(`^lock-${process.pid}-`));
    expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    unlock();
    expect(readdirSync(folder)).toEqual([]);
  });

  it.runIf(process.platform === 'linux')('keeps out while its process lives, and no longer (needs Linux)', async () => {
    const folder = newFolder();
    const other = otherProcess();
    leave(folder, other.pid, startOf(other.pid));
    expect(() => lockRunFolder(folder)).toThrow(`process ${other.pid} on ${hostname()}`);
    expect(readdirSync(folder)).toHaveLength(1);
    await other.end();
    lockRunFolder(folder)();
    expect(readdirSync(folder)).toEqual([]);
  });

  it.runIf(process.platform === 'linux')(
    'is not held by another process that was given the same PID (needs Linux)',
    async () => {
      const folder = newFolder();
      const other = otherProcess();
      leave(folder, other.pid, String(Number(startOf(other.pid)) - 1));
      lockRunFolder(folder)();
      expect(readdirSync(folder)).toEqual([]);
      await other.end();
    },
  );

  it('is respected where nothing is known of its process', async () => {
    const [elsewhere, untold] = [newFolder(), newFolder()];
    leave(elsewhere, 1, '5', 'another-machine');
    expect(() => lockRunFolder(elsewhere)).toThrow(/process 1 on another-machine.*remove .*lock-1-5-another-machine/);
    const other = otherProcess();
    leave(untold, other.pid, '0');
    expect(() => lockRunFolder(untold)).toThrow(OperatorError);
    await other.end();
    expect(() => lockRunFolder(untold)()).not.toThrow();
  });

  it('cannot be taken in a folder that does not exist', () => {
    expect(() => lockRunFolder(join(parent, 'none'))).toThrow(/cannot be locked .*ENOENT/);
  });
});
