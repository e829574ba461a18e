import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JournalRecord, OutcomeRecord } from '../../src/journal/journal-record.ts';
import { describeObserved } from '../../src/report/threshold-text.ts';
import type { Results } from '../../src/results/result-files.ts';
import { makeResults } from '../../src/results/write-results.ts';
import { agentsJournal } from '../support/agents-journal.ts';
import { HAS_BROWSER, launchBrowser } from '../support/browser.ts';
import { busyJournal } from '../support/busy-journal.ts';
import { EVEN_THIRDS } from '../support/run-measures.ts';
import { grantRecord, HUBS, outcomeRecord, sessionOf, writeJournal } from '../support/sample-journal.ts';
import { stalledJournal } from '../support/stalled-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const PLOTS = [
  'plot-cpu',
  'plot-in-flight',
  'plot-lateness',
  'plot-percentiles',
  'plot-rates',
  'plot-recovery',
  'plot-response',
  'plot-service',
  'plot-spread',
  'plot-throttles',
];

const root = temporaryFolder();

type Report = { readonly folder: string; readonly file: string; readonly results: Results };

async function reportOf(records: readonly JournalRecord[]): Promise<Report> {
  const folder = mkdtempSync(join(root, 'run-'));
  writeJournal(join(folder, 'journal.ndjson'), records);
  const results = await makeResults(folder, { fleet: null });
  return { folder, file: join(folder, 'report.html'), results };
}

/** A page, what it said on its console, and what it asked the network for. */
type Opened = { readonly page: Page; readonly complaints: readonly string[]; readonly requests: readonly string[] };

type Look = { readonly width?: number; readonly colorScheme?: 'light' | 'dark' };

/** One column of a plot, as uPlot holds it. */
type Column = readonly (number | null | undefined)[];

function columnsOf(page: Page): Promise<Record<string, Column[]>> {
  return page.evaluate(() => {
    const { plots } = globalThis as unknown as { plots: Record<string, { data: Column[] }> };
    return Object.fromEntries(Object.entries(plots).map(([id, { data }]) => [id, data.map((one) => [...one])]));
  });
}

function sum(values: Column): number {
  return values.reduce<number>((total, value) => total + (value ?? 0), 0);
}

type Seen = {
  /** Of what the page needs, in pixels. */
  readonly width: number;
  readonly background: string;
  /** Number of colors in the canvas of each plot. */
  readonly drawn: readonly { readonly id: string; readonly colors: number }[];
};

/** Evaluated in the page. */
const SEEN = `({
  width: document.documentElement.scrollWidth,
  background: getComputedStyle(document.body).backgroundColor,
  drawn: Array.from(document.querySelectorAll('.plot'), (plot) => {
    const canvas = plot.querySelector('canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return { id: plot.id, colors: new Set(new Uint32Array(data.buffer)).size };
  }),
})`;

/** Evaluated in the page: the pixels of a plot at a time, from top to bottom. */
const PIXELS = `([id, ms]) => {
  const { ctx, bbox, valToPos } = plots[id];
  const x = Math.round(valToPos(ms, 'x', true));
  const { data } = ctx.getImageData(x, Math.round(bbox.top), 1, Math.round(bbox.height) + 3);
  return data.join();
}`;

/** Moves the pointer to a time of a plot over time. */
async function hover(page: Page, id: string, ms: number): Promise<void> {
  await page.locator(`#${id}`).scrollIntoViewIfNeeded();
  const [x = 0, y = 0] = await page.evaluate<number[]>(`(() => {
    const { over, valToPos } = plots['${id}'];
    const { left, top, height } = over.getBoundingClientRect();
    return [left + valToPos(${ms}, 'x'), top + height / 2];
  })()`);
  await page.mouse.move(x, y);
}

/** What a person reads beside each plot. */
async function legends(page: Page): Promise<Record<string, string>> {
  const texts = await page.evaluate<[string, string][]>(`
    Array.from(document.querySelectorAll('figure'), (figure) =>
      [figure.querySelector('.plot').id, figure.querySelector('.legend').textContent.replace(/\\s+/g, ' ').trim()])`);
  return Object.fromEntries(texts);
}

/** The part of the x axis that each plot shows. */
function shownTimes(page: Page): Promise<Record<string, number[]>> {
  return page.evaluate(
    'Object.fromEntries(Object.entries(plots).map(([id, { scales }]) => [id, [scales.x.min, scales.x.max]]))',
  );
}

/** Counted at instants 10 ms apart, as the plot of a short run does. */
function mostInFlight(outcomes: readonly OutcomeRecord[]): number {
  const timed = outcomes.flatMap(({ startedAtMs, finishedAtMs }) =>
    startedAtMs === null || finishedAtMs === null ? [] : [{ startedAtMs, finishedAtMs }],
  );
  const instants = Array.from(
    { length: Math.max(...timed.map(({ finishedAtMs }) => finishedAtMs)) / 10 },
    (_, n) => n * 10,
  );
  const counts = instants.map(
    (atMs) => timed.filter(({ startedAtMs, finishedAtMs }) => startedAtMs <= atMs && atMs < finishedAtMs).length,
  );
  return Math.max(...counts);
}

describe.skipIf(!HAS_BROWSER)('report.html in a browser (needs chromium)', () => {
  const records = busyJournal(3000, 31).map((record) =>
    record.kind === 'session'
      ? { ...record, loadShape: 'rate' as const, thresholds: ['count(failed) == 0', 'p95(service) < 1h'] }
      : record,
  );
  const outcomes = records.filter((record): record is OutcomeRecord => record.kind === 'outcome');
  let browser: Browser;
  let report: Report;
  let stalled: Report;

  beforeAll(async () => {
    browser = await launchBrowser();
    report = await reportOf(records);
    stalled = await reportOf(stalledJournal());
  });
  afterAll(() => browser?.close());

  async function open(file: string, { width = 1440, colorScheme = 'light' }: Look = {}): Promise<Opened> {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    const complaints: string[] = [];
    const requests: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('dialog', (dialog) => {
      complaints.push(`dialog ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(pathToFileURL(file).href);
    return { page, complaints, requests };
  }

  it.each([
    { width: 1440, colorScheme: 'light' },
    { width: 1440, colorScheme: 'dark' },
    { width: 375, colorScheme: 'light' },
    { width: 375, colorScheme: 'dark' },
  ] as const)('draws every plot, within $width px, in the $colorScheme, and asks nobody for anything', async (look) => {
    const { page, complaints, requests } = await open(report.file, look);
    const seen = await page.evaluate<Seen>(SEEN);
    expect(seen.width).toBeLessThanOrEqual(look.width);
    expect(seen.drawn.map(({ id }) => id).sort()).toEqual(PLOTS);
    for (const { colors } of seen.drawn) expect(colors).toBeGreaterThan(3);
    const brightness = Number(/\d+/.exec(seen.background)?.[0]);
    expect(brightness > 128).toBe(look.colorScheme === 'light');
    expect(complaints).toEqual([]);
    expect(requests).toEqual([pathToFileURL(report.file).href]);
    await page.close();
  });

  it('draws the figures of the run', async () => {
    const { page } = await open(report.file);
    const plots = await columnsOf(page);
    const column = (id: string, index: number): Column => plots[id]?.[index] ?? [];
    const assigned = outcomes.filter(({ result }) => result === 'assigned');
    const { summary } = report.results;

    // Counts a second, times the length of their periods, of which the last one is shorter.
    const ends = column('plot-recovery', 0);
    const total = (rates: Column): number =>
      sum(rates.map((rate, index) => ((rate ?? 0) * ((ends[index] ?? 0) - (ends[index - 1] ?? 0))) / 1000));
    expect(total(column('plot-rates', 1))).toBeCloseTo(outcomes.length, 3);
    expect(total(column('plot-rates', 2))).toBeCloseTo(outcomes.length, 3);
    expect(total(column('plot-rates', 3))).toBeCloseTo(outcomes.length, 3);

    const largest = (id: string, index: number): number => Math.max(...column(id, index).map((value) => value ?? 0));
    expect(largest('plot-in-flight', 1)).toBe(mostInFlight(outcomes));
    expect(largest('plot-lateness', 1)).toBe(7);
    expect(largest('plot-cpu', 1)).toBe(0.5);
    expect(new Set(column('plot-throttles', 2))).toContain(40);
    expect(largest('plot-service', 1)).toBeGreaterThanOrEqual((summary.latency.service?.maxMs ?? 0) * 0.99);
    expect(column('plot-percentiles', 2).at(-1)).toBe(summary.latency.service?.maxMs);
    expect(column('plot-percentiles', 1).at(-1)).toBe(summary.latency.response?.maxMs);
    expect(column('plot-recovery', 1).at(-1)).toBeCloseTo(assigned.length / outcomes.length, 9);
    await page.close();
  });

  it.each([
    1280, 400,
  ])('shows the agents of a run and marks the one that was the limit, within %d px', async (width) => {
    const { file } = await reportOf(agentsJournal());
    const { page, complaints } = await open(file, { width });
    expect(complaints).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    const rows = await page.evaluate<string[]>(`Array.from(document.querySelectorAll('table'))
      .find((table) => table.caption?.textContent === 'Agents ' || table.caption?.textContent === 'Agents')
      .innerText.split('\\n').map((line) => line.trim())`);
    const text = rows.join(' ');
    expect(text).toMatch(/west-1 .*west-2 .*▲ the limit: its delays.*north-1 .*lost, came back/);
    expect((await legends(page))['plot-agents']).toMatch(/west-1 .*west-2 .*north-1/);
    const plots = await columnsOf(page);
    // For five seconds, one of them launched nothing, and the others half of all each.
    const lost = (plots['plot-agents']?.[3] ?? []).flatMap((rate, index) => (rate === 0 ? [index] : []));
    const meanwhile = lost.map((index) => plots['plot-agents']?.[1]?.[index]).filter((rate) => rate !== 0);
    expect(meanwhile).toEqual([25, 25, 25, 25, 25]);
    await page.close();
  });

  it.each([
    1440, 400,
  ])('draws each share inside or outside its tolerance as the verdict says, within %d px', async (width) => {
    const hubs = Array.from({ length: 3_000 }, (_, row) => HUBS[row % 100 < 50 ? 0 : row % 100 < 76 ? 1 : 2] as string);
    const weights = [51, 22.5, 26.5].map((weight, place) => ({ hub: HUBS[place] as string, weight }));
    const allocation = { ...EVEN_THIRDS, policy: null, tolerance: 0.035, cohorts: [{ name: '', hubs: weights }] };
    const report = await reportOf([
      sessionOf(hubs.length, { allocation }),
      grantRecord(0, hubs.length - 1),
      ...hubs.map((assignedHub, row) => outcomeRecord(row, { assignedHub })),
      { kind: 'end', atMs: 99_000, reason: 'completed', message: null },
    ]);
    const { page, complaints } = await open(report.file, { width });
    const seen: { text: string; isInside: boolean; dot: number; wanted: number; pointsPerPixel: number }[] =
      await page.evaluate(`Array.from(document.querySelectorAll('.shares li'), (item) => {
        const box = (selector) => item.querySelector(selector).getBoundingClientRect();
        const [tolerance, dot, wanted] = [box('.tolerance'), box('circle'), box('.wanted')];
        const ends = Array.from(item.querySelectorAll('line:not(.wanted)'), (line) => line.getBoundingClientRect().x);
        return {
          text: item.innerText,
          isInside: ends.every((x) => x >= tolerance.left && x <= tolerance.right),
          dot: (dot.left + dot.right) / 2,
          wanted: wanted.left,
          pointsPerPixel: 7 / tolerance.width,
        };
      })`);
    expect(complaints).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    const read = seen.map(({ dot, wanted, pointsPerPixel }) => (dot - wanted) * pointsPerPixel);
    for (const [place, difference] of [-1, 3.5, -2.5].entries())
      expect(Math.abs((read[place] ?? 0) - difference)).toBeLessThan(0.1);
    expect(seen.map(({ isInside }) => isInside)).toEqual([true, false, false]);
    expect(seen.map(({ text }) => /pass|inconclusive|fail/.exec(text)?.[0])).toEqual([
      'pass',
      'inconclusive',
      'inconclusive',
    ]);
    await page.close();
  });

  it('writes the unit beside each rate, and two ticks at least on an axis of times', async () => {
    const { page } = await open(report.file);
    const ticks: Record<string, string[]> = await page.evaluate(`Object.fromEntries(
      Object.entries(plots).map(([id, { axes }]) => [id, axes[1]._values.filter((value) => value !== '')]))`);
    for (const id of ['plot-rates', 'plot-throttles'])
      expect(ticks[id]?.every((tick) => tick.endsWith('/s'))).toBe(true);
    for (const id of ['plot-spread', 'plot-service', 'plot-response']) {
      expect([id, ticks[id]?.length]).toEqual([id, expect.toSatisfy((count: number) => count >= 2)]);
      expect([id, new Set(ticks[id]).size]).toEqual([id, ticks[id]?.length]);
    }
    await page.close();
  });

  it('cuts no caption and no table of words on a phone, and breaks no option after its hyphens', async () => {
    const { page } = await open(report.file, { width: 400 });
    const cut = await page.evaluate(`[
      ...Array.from(document.querySelectorAll('caption')).filter((each) => each.getBoundingClientRect().right > innerWidth),
      ...Array.from(document.querySelectorAll('.scroll:has(.words)')).filter((each) => each.scrollWidth > each.clientWidth),
      ...Array.from(document.querySelectorAll('p code')).filter((each) => each.getClientRects().length > 1),
    ].map((each) => [each.textContent.trim().slice(0, 30), each.scrollWidth, each.clientWidth].join(' '))`);
    expect(cut).toEqual([]);
    await page.close();
  });

  it('says what was observed by each threshold', async () => {
    const { page } = await open(report.file);
    const region = page.getByRole('region', { name: '1 of 2 thresholds failed' });
    const [failed, passed] = report.results.summary.thresholds.map(describeObserved);
    expect(await region.getByRole('listitem').allInnerTexts()).toEqual([
      expect.stringMatching(new RegExp(`^✕ failed\\s+count\\(failed\\) == 0\\s+${failed}$`)),
      expect.stringMatching(new RegExp(`^✓ passed\\s+p95\\(service\\) < 1h\\s+${passed}$`)),
    ]);
    await page.close();
  });

  it('shows what is under the cursor, by arrow keys alone', async () => {
    const { page } = await open(report.file);
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the report');
    const rates = page.getByRole('slider', { name: /Launches and completions/ });
    await rates.focus();
    await page.keyboard.press('End');
    const last = (await columnsOf(page))['plot-recovery']?.[1]?.at(-1) ?? 0;
    expect(await rates.getAttribute('aria-valuetext')).toMatch(
      /^[\d.]+–[\d.]+ s: launches [\d.]+\/s, completions [\d.]+\/s/,
    );
    // The plots over time share one cursor.
    const recovery = page.getByRole('slider', { name: /Recovery/ });
    expect(await recovery.getAttribute('aria-valuetext')).toContain(`assigned ${(last * 100).toFixed(1)}%`);
    await page.keyboard.press('Home');
    expect(await rates.getAttribute('aria-valuenow')).toBe('0');
    await page.keyboard.press('ArrowRight');
    expect(await rates.getAttribute('aria-valuenow')).toBe('1');
    await page.close();
  });

  it('shows in each legend the values of the time under the pointer, in all plots at once', async () => {
    const { page } = await open(stalled.file);
    await hover(page, 'plot-rates', 10_600);
    expect(await legends(page)).toEqual({
      'plot-rates': 'launches 50.0/s completions 50.0/s intended 50.0/s at 10–11 s',
      'plot-in-flight': 'most 5 fewest 5 at 10–11 s',
      'plot-recovery': 'assigned 24.8% at 11 s',
      'plot-response': 'max 100 ms p99 100 ms p90 100 ms p50 100 ms at 10–11 s',
      'plot-service': 'max 100 ms p99 100 ms p90 100 ms p50 100 ms at 10–11 s',
      'plot-spread': 'p50 100 ms 1 to 54 registrations 50 of 50 at 100–126 ms at 10–11 s',
      'plot-percentiles': 'response time service time percentile',
      'plot-lateness': 'event-loop delay 1.00 ms start lag 10.0 ms at 10–11 s',
      'plot-cpu': 'dpsload 0.50 cores emulator 0.25 cores at 10–11 s',
    });
    // A device that was meant to start in the third second of the stall waited for its other two, and for those before it.
    await hover(page, 'plot-lateness', 17_200);
    const seen = await legends(page);
    expect(seen['plot-rates']).toBe('launches 50.0/s completions 0.00/s intended 50.0/s at 17–18 s');
    expect(seen['plot-response']).toMatch(/^max 3,1\d\d ms .* p50 2,6\d\d ms at 17–18 s$/);
    expect(seen['plot-service']).toBe('max p99 p90 p50 at 17–18 s');
    expect(seen['plot-in-flight']).toBe('most 155 fewest 106 at 17–18 s');
    await page.close();
  });

  it('shows a total stall of five seconds as a gap', async () => {
    const { page } = await open(stalled.file);
    const pixelsAt = async (id: string, ms: number): Promise<number> =>
      await page.evaluate<number>(`(${PIXELS})(['${id}', ${ms}])`);
    // With the lines of the grid alone.
    const bare = await pixelsAt('plot-service', 400);
    for (const ms of [15_200, 16_500, 17_500, 18_500, 19_800]) expect(await pixelsAt('plot-service', ms)).toBe(bare);
    for (const ms of [14_400, 20_600]) expect(await pixelsAt('plot-service', ms)).not.toBe(bare);
    const { 'plot-rates': rates = [] } = await columnsOf(page);
    expect(rates[2]?.slice(13, 22)).toEqual([50, 50, 0, 0, 0, 0, 0, 300, 50]);
    await page.close();
  });

  it('zooms all plots over time at once, by pointer and by keys', async () => {
    const { page } = await open(stalled.file);
    const wholeRun = await shownTimes(page);
    const reset = page.getByRole('button', { name: 'Show the whole run' });
    expect(await reset.isVisible()).toBe(false);
    await hover(page, 'plot-in-flight', 10_000);
    await page.mouse.down();
    await hover(page, 'plot-in-flight', 20_000);
    await page.mouse.up();
    const zoomed = await shownTimes(page);
    const overTime = Object.keys(wholeRun).filter((id) => id !== 'plot-percentiles');
    for (const id of overTime) {
      const [from = 0, to = 0] = zoomed[id] ?? [];
      expect([Math.round(from / 500), Math.round(to / 500)]).toEqual([20, 40]);
    }
    expect(zoomed['plot-percentiles']).toEqual(wholeRun['plot-percentiles']);
    // What is under the pointer follows.
    await hover(page, 'plot-rates', 17_500);
    expect((await legends(page))['plot-rates']).toContain('completions 0.00/s intended 50.0/s at 17–18 s');
    await reset.click();
    expect(await shownTimes(page)).toEqual(wholeRun);
    expect(await reset.isVisible()).toBe(false);

    await page.getByRole('slider', { name: /Lateness/ }).focus();
    await page.keyboard.press('+');
    const [from = 0, to = 0] = (await shownTimes(page))['plot-rates'] ?? [];
    const [wholeFrom = 0, wholeTo = 0] = wholeRun['plot-rates'] ?? [];
    expect(to - from).toBeCloseTo((wholeTo - wholeFrom) / 2, 3);
    // A cursor that leaves the shown time takes it along.
    await page.keyboard.press('End');
    expect((await shownTimes(page))['plot-cpu']?.[1]).toBeCloseTo(wholeTo, 3);
    expect((await legends(page))['plot-recovery']).toBe(`assigned 100.0% at ${wholeTo / 1000} s`);
    await page.keyboard.press('0');
    expect(await shownTimes(page)).toEqual(wholeRun);
    await page.close();
  });

  it('leaves no hole beside a plot, and none for a plot without data', async () => {
    const { page } = await open(stalled.file, { width: 1280 });
    expect(await page.locator('figure.empty').count()).toBe(0);
    expect(await page.getByText('The service never throttled').isVisible()).toBe(true);
    const rows = await page.evaluate<number[]>(`
      Array.from(document.querySelectorAll('.grid'), (grid) => {
        const right = grid.getBoundingClientRect().right;
        const ends = new Map();
        for (const { top, right } of Array.from(grid.children, (child) => child.getBoundingClientRect())) ends.set(Math.round(top), right);
        return Array.from(ends.values(), (end) => Math.round(right - end));
      }).flat()`);
    expect(rows.length).toBeGreaterThan(8);
    expect(rows).toEqual(rows.map(() => 0));
    await page.close();
  });

  it('has landmarks, one main heading, and a table for each plot', async () => {
    const { page } = await open(report.file);
    expect(await page.getByRole('main').count()).toBe(1);
    expect(await page.getByRole('heading', { level: 1 }).allTextContents()).toEqual([
      expect.stringMatching(/^[\d,]+ of 3,000 devices assigned; [\d,]+ failed$/),
    ]);
    for (const figure of await page.getByRole('figure').all()) {
      await figure.locator('summary').click();
      expect(await figure.getByRole('table').locator('tbody tr').count()).toBeGreaterThan(5);
    }
    await page.close();
  });

  it('prints in light colors, whatever the screen has', async () => {
    const { page } = await open(report.file, { colorScheme: 'dark' });
    const ink = await page.evaluate<string>(`
      dispatchEvent(new Event('beforeprint'));
      getComputedStyle(document.documentElement).getPropertyValue('--ink')`);
    expect(ink.trim()).toBe('#1b2530');
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    const paper = await page.evaluate(
      '[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.documentElement).colorScheme]',
    );
    expect(paper).toEqual(['rgb(255, 255, 255)', 'light']);
    expect((await page.pdf()).length).toBeGreaterThan(20_000);
    await page.close();
  });

  it('does nothing that a device, a hub or a file name says', async () => {
    const evil = `"'></script></style><script>alert(1)</script><img src=https://example.invalid/x onerror=alert(2)><!--`;
    const hostile = records.map((record): JournalRecord => {
      if (record.kind === 'session') {
        return {
          ...record,
          name: evil,
          target: { ...record.target, host: evil, idScope: evil },
          apiVersion: evil,
          attestation: evil,
          thresholds: [`hub_share("${evil.replaceAll('"', '\\"')}") > 45%`],
          fleet: { ...record.fleet, file: evil, digest: evil },
          dpsloadVersion: evil,
        };
      }
      if (record.kind === 'end') return { ...record, message: evil };
      if (record.kind !== 'outcome') return record;
      const { errorCode, assignedHub } = record;
      return {
        ...record,
        registrationId: evil,
        expectedHub: `${evil}expected`,
        assignedHub: assignedHub === null ? null : evil + assignedHub,
        errorCode: errorCode === null ? null : evil + errorCode,
        errorMessage: errorCode === null ? null : evil,
      };
    });
    const { file } = await reportOf(hostile);
    const { page, complaints, requests } = await open(file);
    expect(Object.keys(await columnsOf(page)).sort()).toEqual(PLOTS);
    expect([complaints, requests]).toEqual([[], [pathToFileURL(file).href]]);
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.locator('script').count()).toBe(3);
    expect(await page.locator('h1 + .run strong').textContent()).toContain('<script>alert(1)');
    await page.close();
  });

  it('runs no script but its own, even if one stood in the file', async () => {
    const file = join(report.folder, 'changed.html');
    const text = readFileSync(report.file, 'utf8');
    writeFileSync(file, text.replace('<main', '<script>document.title = "taken"</script><main'));
    const { page, complaints } = await open(file);
    expect(await page.title()).not.toBe('taken');
    expect(complaints.join()).toContain('Content Security Policy');
    await page.close();
  });

  it.each<[string, JournalRecord[]]>([
    ['never connected', records.filter(({ kind }) => kind !== 'outcome' && kind !== 'sample')],
    ['had one device', busyJournal(1, 1)],
    [
      'went on for days',
      [
        ...records.slice(0, -1),
        ...busyJournal(3000, 31).flatMap((record) =>
          record.kind === 'sample' ? [{ ...record, atMs: record.atMs + 1.8e8 }] : [],
        ),
        ...records.slice(-1),
      ],
    ],
  ])('stands when the run %s', async (_, journal) => {
    const { file } = await reportOf(journal);
    const { page, complaints } = await open(file, { width: 375 });
    expect(complaints).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(375);
    await page.close();
  });
});
