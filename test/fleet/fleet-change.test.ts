import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fleetChange } from '../../src/fleet/fleet-change.ts';
import { OperatorError } from '../../src/problem/operator-error.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const file = join(temporaryFolder(), 'fleet.csv');

function changeOf(before: string, after: string) {
  writeFileSync(file, after);
  return fleetChange(file, {
    digest: createHash('sha256').update(before).digest('hex'),
    bytes: Buffer.byteLength(before),
  });
}

describe('the change of a fleet', () => {
  it.each([
    ['id\ndev-1\n', 'id\ndev-1\n', 'none'],
    ['id\ndev-1', 'id\ndev-1\n', 'none'],
    ['id\r\ndev-1\r\n', 'id\r\ndev-1\r\n\n\r\n', 'none'],
    ['id\ndev-1\n', 'id\ndev-1\ndev-2\n', 'rows-added'],
    ['id\ndev-1', 'id\ndev-1\n\n\ndev-2\n', 'rows-added'],
    ['id\r\ndev-1\r\n', 'id\r\ndev-1\r\ndev-2', 'rows-added'],
    ['id\ndev-1', 'id\ndev-1\ndev-2', 'rows-added'],
    ['id\r\ndev-1', 'id\r\ndev-1\r\ndev-2', 'rows-added'],
    // The last row is another one, though all its bytes are there.
    ['id\ndev-1', 'id\ndev-12\n', 'changed'],
    ['id\ndev-1', 'id\ndev-1\rx\n', 'changed'],
    ['id\ndev-1', 'id\ndev-1\r\r\n', 'changed'],
    ['id\ndev-1\n', 'id\ndev-2\n', 'changed'],
    ['id\ndev-1\n', 'id\ndev-2\ndev-1\n', 'changed'],
    ['id\ndev-1\n', 'id\ndev-1', 'changed'],
    ['id\ndev-1\n', '', 'changed'],
  ])('%j is now %j: %s', async (before, after, change) => {
    expect(await changeOf(before, after)).toBe(change);
  });

  it('is recognized in a fleet that is longer than one chunk', async () => {
    const rows = (count: number): string => `id\n${Array.from({ length: count }, (_, row) => `dev-${row}\n`).join('')}`;
    expect(await changeOf(rows(30_000), rows(30_000))).toBe('none');
    expect(await changeOf(rows(30_000), rows(30_001))).toBe('rows-added');
    expect(await changeOf(rows(30_000), `${rows(30_000)}${'\n'.repeat(200_000)}`)).toBe('none');
    expect(await changeOf(rows(30_000), `${rows(30_000)}${'\n'.repeat(200_000)}dev-30000\n`)).toBe('rows-added');
    expect(await changeOf(rows(30_000), rows(30_000).replace('dev-17\n', 'dev-71\n'))).toBe('changed');
  });

  it('cannot be determined for a missing file', async () => {
    await expect(fleetChange(join(file, 'none'), { digest: '', bytes: 1 })).rejects.toThrow(OperatorError);
  });
});
