import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dpsload } from '../support/dpsload-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

describe('without redis-server', () => {
  it.each([
    ['a run', []],
    ['a dry run', ['--dry-run']],
  ])('%s on agents of this machine says what to install', async (_, args) => {
    const { code, stderr } = await dpsload(['run', '-s', '@two-regions', ...args], { env: { PATH: folder } });
    expect(code).toBe(2);
    expect(stderr).toContain('--local-agent needs redis-server or valkey-server, and neither is on the PATH');
    expect(stderr).toContain('apt install redis-server; macOS: brew install redis');
  });

  it('says what one that cannot start said', async () => {
    const bin = mkdtempSync(join(folder, 'bin-'));
    writeFileSync(join(bin, 'redis-server'), '#!/bin/sh\necho out of luck >&2\nexit 1\n', { mode: 0o755 });
    const out = mkdtempSync(join(folder, 'out-'));
    const { code, stderr } = await dpsload(['run', '-s', '@two-regions', '--out', out], {
      env: { PATH: `${bin}:/usr/bin:/bin` },
    });
    expect(code).toBe(1);
    expect(stderr).toContain('the agents of this machine cannot be started: redis-server has ended: out of luck');
  });
});
