import { mkdtempSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { startEmbeddedEmulator } from '../../../src/cli/host/embedded-emulator.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const root = temporaryFolder();
afterEach(() => vi.unstubAllEnvs());

it('that cannot be started leaves no folder with keys behind', async () => {
  const folder = mkdtempSync(join(root, 'tmp-'));
  vi.stubEnv('TMPDIR', folder);
  const keys = {
    kind: 'group-key',
    defaultKey: 'a2V5',
    groups: {},
    secondary: { defaultKey: null, groups: {} },
  } as const;
  // No process can be given such an argument.
  await expect(
    startEmbeddedEmulator(keys, 'a\0b', { transport: 'mqtt', withHubs: false, withServiceApi: false }),
  ).rejects.toThrow('null bytes');
  expect(readdirSync(folder)).toEqual([]);
});
