import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { newEmulatorFolder } from '../../src/files/emulator-folder.ts';
import { processIdentity } from '../../src/files/process-identity.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
afterEach(() => vi.unstubAllEnvs());

/** No process has it: PID_MAX_LIMIT of Linux is 2^22. */
const NO_PID = 4_194_305;

it('a new folder takes the place of those whose process is gone', () => {
  vi.stubEnv('TMPDIR', folder);
  const { pid, start, host } = processIdentity(process.pid);
  const own = (name: string): string => `dpsload-emulator-${name}`;
  const abandoned = [own(`${NO_PID}-17-${host}-a1B2c3`), own(`${pid}-17-${host}-a1B2c3`)];
  const kept = [
    own(`${pid}-${start}-${host}-a1B2c3`),
    // Of a container that shares the folder.
    own(`${NO_PID}-17-${hostname()}.elsewhere-a1B2c3`),
    own('a1B2c3'),
    'something-else',
  ];
  for (const name of [...abandoned, ...kept]) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'ca.key'), '');
  }
  // What is no folder is not of an emulator, whatever its name is.
  const linked = own(`${NO_PID}-18-${host}-a1B2c3`);
  symlinkSync(join(folder, 'something-else'), join(folder, linked));
  const created = newEmulatorFolder();
  expect(readdirSync(folder).toSorted()).toEqual([...kept, linked, basename(created)].toSorted());
  expect(existsSync(join(folder, 'something-else', 'ca.key'))).toBe(true);
});
