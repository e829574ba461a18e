import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import axe, { type AxeResults } from 'axe-core';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeResults } from '../../src/results/write-results.ts';
import { HAS_BROWSER, launchBrowser } from '../support/browser.ts';
import { busyJournal } from '../support/busy-journal.ts';
import { writeJournal } from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

describe.skipIf(!HAS_BROWSER)('report.html (needs chromium)', () => {
  let browser: Browser;

  beforeAll(async () => {
    writeJournal(join(folder, 'journal.ndjson'), busyJournal(3000, 31));
    await writeResults(folder, { fleet: null });
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  it.each([
    { width: 1440, colorScheme: 'light' },
    { width: 1440, colorScheme: 'dark' },
    { width: 375, colorScheme: 'light' },
    { width: 375, colorScheme: 'dark' },
  ] as const)('has nothing against it of what axe looks for, at $width px, in the $colorScheme', async (look) => {
    const page = await browser.newPage({ viewport: { width: look.width, height: 900 }, colorScheme: look.colorScheme });
    await page.goto(pathToFileURL(join(folder, 'report.html')).href);
    await page.evaluate(axe.source);
    const { passes, violations } = await page.evaluate<AxeResults>('axe.run(document)');
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ target }) => target)])).toEqual([]);
    expect(passes.length).toBeGreaterThan(30);
    await page.close();
  });
});
