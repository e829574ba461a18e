import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';

const README = readFileSync(new URL('../../src/emulator/README.md', import.meta.url), 'utf8');
const [, filter = ''] = /^jq -es '(.*)' records\.ndjson$/m.exec(README) ?? [];

describe.skipIf(spawnSync('jq', ['--version']).error !== undefined)('the example for CI (needs jq)', () => {
  it.each([
    ['assigned', 0],
    ['failed', 1],
  ])('judges a device that is %s with %i, whatever jq and whatever follows', (status, code) => {
    const file = join(temporaryFolder(), 'records.ndjson');
    const lines = [
      { registrationId: 'dev-1', status },
      { registrationId: 'dev-2', status: 'disabled' },
      { counters: {} },
    ];
    writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    expect(spawnSync('jq', ['-es', filter, file]).status).toBe(code);
  });
});
