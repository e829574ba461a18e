import { describe, expect, it, vi } from 'vitest';
import { showResults, summaryTextFor } from '../../../src/cli/view/show-results.ts';
import { summaryText } from '../../../src/report/summary-text.ts';
import type { RunEnd } from '../../../src/run/register-fleet.ts';
import { summaryFrom } from '../../support/run-measures.ts';
import { notAssigned, outcomeRecord } from '../../support/sample-journal.ts';

const fleet = '/srv/factory/this-year/line-a/fleet-of-the-second-shift.csv';
const warning = 'the quota of the instance was reached, so that a part of the devices had to wait for the next minute';
const summary = summaryFrom([outcomeRecord(0)], {}, { warnings: [`${fleet} has changed: ${warning}`] });

it('breaks the summary between words on a terminal of 80 columns, so that no name is cut', () => {
  const text = summaryTextFor({ isTTY: true, columns: 80 }, summary, false);
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  expect(text).toMatch(new RegExp(`^warning +\\n? *${fleet}( |\\n)`, 'm'));
  const words = (lines: string): string => lines.replace(/\s+/g, ' ');
  expect(words(text)).toBe(words(summaryText(summary)));
});

it.each([{ isTTY: false, columns: 80 }, {}, { isTTY: true, columns: 0 }])('leaves lines whole for %o', (stream) => {
  expect(summaryTextFor(stream, summary, false)).toBe(summaryText(summary));
});

describe('the end of the output of a run', () => {
  const unsent = outcomeRecord(1, notAssigned({ result: 'not-started', startedAtMs: null, finishedAtMs: null }));

  /** What stderr gets for a run of two devices, of which one was registered. */
  function endOf(reason: RunEnd['reason'], exitCode: number): string {
    const end = { kind: 'end', atMs: 5_000, reason, message: null } as const;
    const written: string[] = [];
    const spies = [process.stdout, process.stderr].map((stream) => vi.spyOn(stream, 'write'));
    spies[0]?.mockReturnValue(true);
    spies[1]?.mockImplementation((text) => written.push(String(text)) > 0);
    try {
      const half = summaryFrom([outcomeRecord(0), unsent], {}, { end });
      showResults({ folder: 'results/half', reason, summary: half, exitCode }, { color: false }, []);
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
    return written.join('');
  }

  it('is the verdict, with the exit code unless it is 0', () => {
    expect(endOf('limit', 0)).toMatch(/\nverdict: 1 of 2 devices assigned; 1 not selected\n$/);
    expect(endOf('interrupted', 130)).toMatch(
      /\nverdict: stopped \(interrupted\): 1 of 2 devices assigned; 1 not started; exit code 130\n$/,
    );
  });

  it('names a command that can be pasted where a resumed run has something to do', () => {
    expect(endOf('interrupted', 130)).toMatch(/\nresume: dpsload resume results\/half\n/);
    expect(endOf('limit', 0)).not.toContain('resume');
  });
});
