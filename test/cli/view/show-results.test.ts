import { expect, it } from 'vitest';
import { summaryTextFor } from '../../../src/cli/view/show-results.ts';
import { summaryText } from '../../../src/report/summary-text.ts';
import { summaryFrom } from '../../support/run-measures.ts';
import { outcomeRecord } from '../../support/sample-journal.ts';

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
