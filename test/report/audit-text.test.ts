import { expect, it } from 'vitest';
import { auditLines } from '../../src/report/audit-text.ts';
import type { Summary } from '../../src/report/summary.ts';

const NO_ROWS = { agrees: 0, differs: 0, missing: 0, removed: 0, resolved: 0, unresolved: 0, notSent: 0 };
const AUDIT: NonNullable<Summary['audit']> = {
  beganAt: '2026-01-31T18:00:00.000Z',
  endedAt: '2026-01-31T18:00:01.000Z',
  host: 'dps.test',
  rows: NO_ROWS,
  differences: { hub: 0, deviceId: 0, status: 0, registeredBefore: 0 },
  resolvedAs: { registered: 0, notRegistered: 0 },
  possiblyTwice: { once: 0, twice: 0, cannotTell: 0 },
  registeredAgain: 0,
  extra: 0,
  extraAllowed: false,
  clock: { aheadMinMs: 0, aheadMaxMs: 0, isMeasured: true },
  first: [],
};

const named = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ registrationId: `dev-${index}`, finding: 'no record' }));

it.each([
  ['all are named', { missing: 2 }, 0, 2, null],
  [
    'more differ, are missing or extra than are named',
    { differs: 1, missing: 1_200 },
    4,
    5,
    '… and 1,200 more in audit.csv',
  ],
  ['extra records are not known', { missing: 6 }, null, 5, '… and 1 more in audit.csv'],
] as const)('says how many more audit.csv has: %s', (_, rows, extra, count, last) => {
  const lines = auditLines({ ...AUDIT, rows: { ...NO_ROWS, ...rows }, extra, first: named(count) });
  expect(lines.filter((line) => line.includes('no record'))).toHaveLength(count);
  expect(lines.findLast((line) => line.startsWith('…')) ?? null).toBe(last);
});
