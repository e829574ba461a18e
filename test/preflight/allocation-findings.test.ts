import { describe, expect, it } from 'vitest';
import { allocationFindings } from '../../src/preflight/allocation-findings.ts';
import { EVEN_THIRDS } from '../support/run-measures.ts';

const one = (hub: string) => [{ hub, weight: 1 }];

describe('the devices that a verdict needs, as check tells them', () => {
  it('are none where nothing is expected', () => {
    expect(allocationFindings(null, 10)).toEqual([]);
  });

  it.each([
    ['enough', 12_484, 'ok', 'needs 12,484 devices, has 12,484', null],
    ['too few', 12_483, 'warning', 'needs 12,484 devices, has 12,483', 'widen allocation.tolerance to 2.01%'],
    ['far too few', 1_000, 'warning', 'needs 12,484 devices, has 1,000', 'widen allocation.tolerance to 7.09%'],
  ])('are %s', (_, devices, level, evidence, remedy) => {
    const [found] = allocationFindings(EVEN_THIRDS, devices);
    expect(found?.level).toBe(level);
    expect(found?.evidence).toContain(evidence);
    expect(found?.evidence).toContain('one that is 4 percentage points off fails, each with 95% confidence');
    if (remedy === null) expect(found?.remedy).toBeNull();
    else expect(found?.remedy).toContain(remedy);
  });

  it('are told for each group, and for each hub of rows', () => {
    const cohorts = [
      { name: 'line-a', hubs: one('a') },
      { name: 'line-b', hubs: one('b') },
    ];
    const [groups] = allocationFindings({ ...EVEN_THIRDS, by: 'group', cohorts }, 1_000);
    expect(groups?.evidence).toContain('needs 494 devices (line-a 247, line-b 247), has 1,000');
    const [rows] = allocationFindings({ ...EVEN_THIRDS, by: 'row', cohorts: [] }, 1_000);
    expect(rows?.evidence).toContain('each hub named in a row needs at least 189 devices');
  });

  it('cannot be computed for a tolerance next to zero', () => {
    const [found] = allocationFindings({ ...EVEN_THIRDS, tolerance: 1e-6 }, 1_000);
    expect(found).toMatchObject({ level: 'problem', remedy: 'Widen allocation.tolerance' });
  });
});
