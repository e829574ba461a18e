import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { junitXml } from '../../src/report/junit-xml.ts';
import type { Summary } from '../../src/report/summary.ts';
import { writeResults } from '../../src/results/write-results.ts';
import { sampleJournal, writeJournal } from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = temporaryFolder();

async function summaryWith(thresholds: readonly string[]): Promise<Summary> {
  const folder = mkdtempSync(join(root, 'run-'));
  const [session, ...rest] = sampleJournal(300, 31);
  if (session?.kind !== 'session') throw new Error('no session');
  writeJournal(join(folder, 'journal.ndjson'), [{ ...session, thresholds }, ...rest]);
  return writeResults(folder, { fleet: null });
}

/** Names of test cases, each with the message of its failure. */
function cases(xml: string): (readonly [string, string | null])[] {
  const found = xml.matchAll(/<testcase classname="dpsload" name="([^"]*)"(?:\/>|>\s*<failure message="([^"]*)"\/>)/g);
  return [...found].map(([, name = '', failure]) => [plain(name), failure === undefined ? null : plain(failure)]);
}

function plain(text: string): string {
  return text.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
}

describe('JUnit XML', () => {
  it('has a test for every threshold, in their order', async () => {
    const summary = await summaryWith(['p95(service) < 1h', 'count(failed) == 0', 'hub_share("a…") > 99%']);
    const failed = summary.results.failed + summary.results.refused + summary.results.throttled;
    const others = summary.results['timed-out'] + summary.results.disconnected;
    const xml = junitXml(summary);
    expect(cases(xml)).toEqual([
      ['p95(service) < 1h', null],
      ['count(failed) == 0', `count(failed) == 0: observed ${failed + others}`],
      ['hub_share("a…") > 99%', 'hub_share("a…") > 99%: observed 0%'],
    ]);
    const seconds = Math.round(summary.throughput.activeMs) / 1000;
    expect(xml).toContain(`<testsuites name="dpsload" tests="3" failures="2" errors="0" time="${seconds}">\n`);
    expect(xml).toMatch(/<testsuite name="EMULATOR[^>]* tests="3" failures="2" errors="0" time="[\d.]+" skipped="0"/);
  });

  it('says apart what was never reached, and what was not measured', async () => {
    const summary = await summaryWith(['time_to(100%) < 1h', 'as_expected > 1']);
    expect(cases(junitXml(summary)).map(([, failure]) => failure)).toEqual([
      'time_to(100%) < 1h: never reached',
      'as_expected > 1: not measured',
    ]);
  });

  it('without thresholds tests that all were assigned', async () => {
    const summary = await summaryWith([]);
    const [[name, failure] = []] = cases(junitXml(summary));
    expect(name).toBe('all assigned');
    expect(failure).toContain(`${summary.results.assigned} of 300 devices assigned`);
    expect(cases(junitXml({ ...summary, verdict: 'all-assigned' }))).toEqual([['all assigned', null]]);
  });

  it('has every figure of the summary as it is there', async () => {
    const summary = await summaryWith([]);
    const properties = [...junitXml(summary).matchAll(/<property name="([^"]*)" value="([^"]*)"\/>/g)];
    expect(properties.length).toBeGreaterThan(50);
    for (const [, path = '', value] of properties) {
      const member = path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], summary);
      expect([path, String(member)]).toEqual([path, value]);
    }
  });

  it('is not broken by what others wrote', async () => {
    const summary = await summaryWith([]);
    const end = { reason: 'failed', message: ']]><!-- "\u0000\u001b\ud800 & \n' } as const;
    const xml = junitXml({ ...summary, verdict: 'stopped', end });
    expect(cases(xml)[0]?.[1]).toContain(']]><!-- "    & \n');
    expect(xml.match(/<!--/)).toBeNull();
  });
});
