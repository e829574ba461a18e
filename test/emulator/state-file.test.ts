import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { StateLine } from '../../src/emulator/service/state-kind.ts';
import { keepState } from '../../src/emulator/state/keep-state.ts';
import { readState } from '../../src/emulator/state/read-state.ts';
import { connectedDevice } from '../support/connected-device.ts';
import { ID_SCOPE } from '../support/emulated-instance.ts';
import { keptService } from '../support/kept-service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const folder = temporaryFolder();
const newFile = (): string => join(mkdtempSync(join(folder, 'state-')), 'state.ndjson');

/** That say what the file is, and what becomes of the enrollments that are configured. */
const LINES_BEFORE_DEVICES = 3;

/** A service with a state file, without sockets. */
async function opened(file: string, idScope = ID_SCOPE) {
  const changes: StateLine[] = [];
  const logged: string[] = [];
  const service = keptService(false, changes);
  const kinds = service.stateKinds();
  const log = (line: string): void => {
    logged.push(line);
  };
  const state = await keepState({ file, idScopes: [idScope], kinds, changes, nowMs: NOW_MS, log });
  const register = (id: string): Promise<boolean> => {
    service.register(connectedDevice(service, id, NOW_MS), '', NOW_MS);
    return new Promise((resolve) => state.whenKept(resolve));
  };
  const ids = (): readonly string[] => [...service.records(NOW_MS)].map(({ registrationId }) => registrationId);
  return { service, state, register, ids, logged };
}

async function withDevices(file: string, ...devices: readonly string[]): Promise<void> {
  const { state, register } = await opened(file);
  for (const id of devices) await register(id);
  await state.close();
}

async function idsIn(file: string): Promise<readonly string[]> {
  const service = keptService(false);
  await readState(file, service.stateKinds(), new Set([ID_SCOPE]));
  return [...service.records(NOW_MS)].map(({ registrationId }) => registrationId);
}

describe('a state file', () => {
  it('is for its owner alone, and says what it is', async () => {
    const file = newFile();
    await withDevices(file, 'a');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8').split('\n')[0]).toBe(`{"kind":"state","version":1,"idScopes":["${ID_SCOPE}"]}`);
    expect(readdirSync(join(file, '..'))).toEqual(['state.ndjson']);
  });

  it('cut at any byte, brings back what was whole, and goes on behind it', async () => {
    const file = newFile();
    await withDevices(file, 'a', 'b');
    const bytes = readFileSync(file);
    const ends = [...bytes.entries()].filter(([, byte]) => byte === 0x0a).map(([index]) => index + 1);
    for (let length = bytes.length; length >= (ends[LINES_BEFORE_DEVICES - 1] ?? 0); length -= 1) {
      truncateSync(file, length);
      const whole = ends.filter((end) => end <= length).length - LINES_BEFORE_DEVICES;
      expect(await idsIn(file)).toEqual(['a', 'b'].slice(0, whole));
    }
    writeFileSync(file, bytes.subarray(0, (ends[LINES_BEFORE_DEVICES] ?? 0) + 20));
    const { state, register, logged } = await opened(file);
    expect(logged).toEqual([
      `${file}: read what it holds (lines: 3)`,
      `${file}: dropped the last line, which was torn; what it says had not been answered`,
    ]);
    await register('d');
    await state.close();
    expect(await idsIn(file)).toEqual(['a', 'd']);
  });

  it('that was empty is taken', async () => {
    const file = newFile();
    writeFileSync(file, '');
    await withDevices(file, 'a');
    expect(await idsIn(file)).toEqual(['a']);
  });

  it('keeps what belongs to ID scopes that are not configured', async () => {
    const file = newFile();
    await withDevices(file, 'a', 'b');
    const other = await opened(file, '0ne0000AAAA');
    expect(other.logged).toEqual([
      `${file}: keeps what it holds about ID scope ${ID_SCOPE}, which is not configured (lines: 4)`,
    ]);
    expect(other.ids()).toEqual([]);
    await other.state.close();
    const again = await opened(file);
    expect(again.ids()).toEqual(['a', 'b']);
    await again.state.close();
  });

  it('is for one emulator at a time, by whatever name, and not lost by a link', async () => {
    const file = newFile();
    const link = join(file, '..', 'link');
    const first = await opened(file);
    await first.register('a');
    symlinkSync(file, link);
    const held = `^${file}: another emulator keeps its state here: process ${process.pid} on .*\\. Name another file, or stop`;
    await expect(opened(link)).rejects.toMatchObject({
      kind: 'local',
      message: expect.stringMatching(new RegExp(held)),
    });
    await first.state.close();
    await withDevices(link, 'b');
    expect(await idsIn(file)).toEqual(['a', 'b']);
  });

  it('in a folder that is not there is an error', async () => {
    const file = join(newFile(), 'state');
    await expect(opened(file)).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(/the state cannot be kept \(ENOENT.*Name a file in a folder that exists/),
    });
  });
});

describe('a damaged state file', () => {
  it.each([
    [
      'a line that is not JSON',
      (lines: string[]) => lines.with(2, '{"kind":"registr'),
      ':3: the line is not JSON. Restore',
    ],
    ['an empty line', (lines: string[]) => lines.with(1, ''), ':2: the line is not JSON. Restore the file from a copy'],
    ['a list', (lines: string[]) => lines.with(1, 'null'), ':2: the line is not a JSON object'],
    [
      'a kind of a later version',
      (lines: string[]) => lines.with(3, `{"kind":"x","idScope":"${ID_SCOPE}"}`),
      ':4: the line is of the kind "x", which this dpsload does not know: a newer one may have written it. Use the dpsload',
    ],
    [
      'a wrong member',
      (lines: string[]) => lines.with(3, lines[3]?.replace('"registers":1', '"registers":"1"') ?? ''),
      ':4: the line is not valid: registers: ',
    ],
    [
      'a line without ID scope',
      (lines: string[]) => lines.with(3, lines[3]?.replace('"idScope":', '"scope":') ?? ''),
      ':4: the line names no ID scope. Restore',
    ],
    [
      'another version',
      (lines: string[]) => lines.with(0, '{"kind":"state","version":2}'),
      ': has version 2 of the state; this dpsload reads version 1. Use the dpsload that wrote it, or name a new file',
    ],
    [
      'another file',
      () => ['{', '  "name": "my-package"', '}'],
      ': is not the state of an emulator, and was left as it is',
    ],
  ])('with %s is refused, with its place, and left alone', async (_, damage, message) => {
    const file = newFile();
    await withDevices(file, 'a', 'b', 'c');
    const text = `${damage(readFileSync(file, 'utf8').trimEnd().split('\n')).join('\n')}\n`;
    writeFileSync(file, text);
    await expect(opened(file)).rejects.toThrow(`${file}${message}`);
    expect(readFileSync(file, 'utf8')).toBe(text);
    expect(readdirSync(join(file, '..'))).toEqual(['state.ndjson']);
  });

  it('is none if it has a single line without an end, which may be of another program', async () => {
    const file = newFile();
    writeFileSync(file, '{"name":"my-package"}');
    await expect(opened(file)).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining('is not the state of an emulator'),
    });
    expect(existsSync(`${file}.tmp`)).toBe(false);
  });
});
