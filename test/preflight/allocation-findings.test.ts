import { describe, expect, it } from 'vitest';
import { judgeShare, simultaneousWidth } from '../../src/allocation/share-interval.ts';
import { allocationFindings, type JudgedDevices } from '../../src/preflight/allocation-findings.ts';
import { EVEN_THIRDS } from '../support/run-measures.ts';

const one = (hub: string) => [{ hub, weight: 1 }];

function of(devices: number, changes: Partial<JudgedDevices> = {}): JudgedDevices {
  return { devices, rounds: 1, expected: 'any', ...changes };
}

describe('the devices that a verdict needs, as check tells them', () => {
  it('are none where nothing is expected', () => {
    expect(allocationFindings(null, of(10))).toEqual([]);
  });

  it.each([
    ['enough', 12_484, 'ok', 'needs 12,484 devices, has 12,484', null],
    ['too few', 12_483, 'warning', 'needs 12,484 devices, has 12,483', 'widen allocation.tolerance to 2.01%'],
    ['far too few', 1_000, 'warning', 'needs 12,484 devices, has 1,000', 'widen allocation.tolerance to 7.09%'],
  ])('are %s', (_, devices, level, evidence, remedy) => {
    const [found] = allocationFindings(EVEN_THIRDS, of(devices));
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
    const [groups] = allocationFindings({ ...EVEN_THIRDS, by: 'group', cohorts }, of(1_000));
    expect(groups?.evidence).toContain('needs 494 devices (line-a 247, line-b 247), has 1,000');
    const [rows] = allocationFindings({ ...EVEN_THIRDS, by: 'row', cohorts: [] }, of(1_000));
    expect(rows?.evidence).toContain('each hub named in a row needs at least 189 devices');
  });

  it('cannot be computed for a tolerance next to zero', () => {
    const [found] = allocationFindings({ ...EVEN_THIRDS, tolerance: 1e-6 }, of(1_000));
    expect(found).toMatchObject({ level: 'problem', remedy: 'Widen allocation.tolerance' });
  });
});

describe('the devices that a verdict on movement needs', () => {
  const NOBODY_MOVES = { ...EVEN_THIRDS, policy: null, cohorts: [], reprovision: 'never' } as const;
  const HALF_MOVES = { ...NOBODY_MOVES, reprovision: 'migrate', moved: 0.5 } as const;

  it('are those that had a hub, and some where only movement is expected', () => {
    const [found, ...others] = allocationFindings(NOBODY_MOVES, of(1_000));
    expect(others).toEqual([]);
    expect(found).toMatchObject({ level: 'ok', subject: 'allocation', remedy: null });
    // The upper end of Wilson's interval for none of n is z² / (n + z²): at most 2% from n = 49 z² on.
    const needed = Math.ceil(49 * simultaneousWidth(0.95, 1));
    expect(found?.evidence).toContain(
      `movement needs ${needed} devices that had a hub before, has at most 1,000: a policy that moves 0% of them passes`,
    );
  });

  it('suffice for the verdict itself, at the share that is expected', () => {
    const [found] = allocationFindings(HALF_MOVES, of(20_000, { rounds: 2 }));
    const needed = Number(/needs ([\d,]+) devices .*, has 20,000:/.exec(found?.evidence ?? '')?.[1]?.replace(',', ''));
    const width = simultaneousWidth(0.95, 1);
    const verdict = (count: number) => judgeShare({ count, of: needed }, 0.5, 0.02, width).verdict;
    expect(verdict(Math.round(needed * 0.5))).toBe('pass');
    expect(verdict(Math.round(needed * 0.54))).toBe('fail');
    expect(needed).toBeGreaterThan(5_000);
  });

  it.each([
    ['too few', of(100), 'has at most 100', 'widen allocation.tolerance to '],
    ['too few, all of them known', of(100, { expected: 'existing' }), 'has 100:', 'widen allocation.tolerance to '],
    ['none', of(1_000, { expected: 'new' }), 'no device can show whether it moves', 'Register them in rounds'],
  ])('are %s, which is warned of', (_, judged, evidence, remedy) => {
    const found = allocationFindings(NOBODY_MOVES, judged);
    expect(found).toMatchObject([
      { level: 'warning', evidence: expect.stringContaining(evidence), remedy: expect.stringContaining(remedy) },
    ]);
  });

  it('come beside those for the shares, and are harder to show together', () => {
    const found = allocationFindings({ ...EVEN_THIRDS, reprovision: 'never' }, of(20_000, { rounds: 2 }));
    const [shares = 0, movement = 0] = found.map(({ evidence }) =>
      Number(/needs ([\d,]+) devices/.exec(evidence)?.[1]?.replace(',', '')),
    );
    expect(shares).toBeGreaterThan(12_484);
    expect(movement).toBeGreaterThan(189);
  });

  it('cannot be computed for a tolerance next to zero', () => {
    expect(allocationFindings({ ...HALF_MOVES, tolerance: 1e-6 }, of(1_000))).toMatchObject([{ level: 'problem' }]);
  });

  it('are more than for hubs where all devices move: one that stays proves nothing', () => {
    const [found] = allocationFindings({ ...HALF_MOVES, moved: 1 }, of(20_000, { rounds: 2 }));
    expect(Number(/needs ([\d,]+) devices/.exec(found?.evidence ?? '')?.[1]?.replace(',', ''))).toBeGreaterThan(300);
  });
});
