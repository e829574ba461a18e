import type { AllocationJudgement, MovementVerdict } from '../allocation/judge-allocation.ts';
import { describeAccount } from './account-text.ts';
import { describeConsequence, describeExpectation, describeReason } from './allocation-text.ts';
import { formatCount, formatFineShare, formatNoun } from './format.ts';
import { describeHubCheck, failsByHubCheck } from './hub-check-text.ts';
import { limitedSentences, slotsSentence } from './load-generator-text.ts';
import { failsByAllocation, leavesRowsOutUnjudged, type Summary } from './summary.ts';
import { describeThreshold } from './threshold-text.ts';
import { unnamedWrongHubs, wrongHubRows, wrongHubTitle } from './wrong-hub.ts';

/**
 * A run as JUnit XML for CI servers: one test suite with a test for each threshold or, without thresholds, the single test
 * that all devices were assigned. Figures of the summary are properties, named by their path in `summary.json`.
 */
export function junitXml(summary: Summary): string {
  // Lists by hub or code are only in `summary.json`.
  const { account, results, latency, recovery, requests, throughput, hubCheck } = summary;
  const tests = [...testsOf(summary), ...allocationTests(summary), ...hubCheckTests(summary)];
  const seconds = Math.round(throughput.activeMs) / 1000;
  const failures = tests.filter(({ failure }) => failure !== null).length;
  const counts = attributes({ tests: tests.length, failures, errors: 0, time: seconds });
  // Jenkins's schema allows it on suites only.
  const skipped = attributes({ skipped: tests.filter(({ skipped: because = null }) => because !== null).length });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name: 'dpsload' })}${counts}>`,
    `  <testsuite${attributes({ name: summary.target.label })}${counts}${skipped}${timestamp(summary)}>`,
    '    <properties>',
    ...Object.entries(summary.notes).map(
      ([name, note]) => `      <property${attributes({ name: `notes.${name}`, value: note })}/>`,
    ),
    ...remarksOf(summary).map(([name, value]) => `      <property${attributes({ name, value })}/>`),
    ...leaves('', { account, results, latency, recovery, requests, throughput, ...hubCheckFigures(hubCheck) }).map(
      ([name, value]) => `      <property${attributes({ name, value })}/>`,
    ),
    '    </properties>',
    ...tests.map(testCase),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function hubCheckFigures(hubCheck: Summary['hubCheck']): object {
  if (hubCheck === undefined) return {};
  const { devices, sampled, passed, failed, left, attempts, connect, answer } = hubCheck;
  return { hubCheck: { devices, sampled, passed, failed, left, attempts, connect, answer } };
}

/** What a reader of the figures must know. */
function remarksOf(summary: Summary): readonly (readonly [name: string, text: string])[] {
  const limited = limitedSentences(summary);
  const slots = slotsSentence(summary);
  return [
    ...(limited.length === 0 ? [] : [['limited', limited.join('; ')] as const]),
    ...(slots === null ? [] : [['slots', slots] as const]),
  ];
}

type Test = { readonly name: string; readonly failure: string | null; readonly skipped?: string | null };

function testsOf(summary: Summary): readonly Test[] {
  const { thresholds, verdict, end } = summary;
  const rows = describeAccount(summary);
  const leftOut = { name: 'no rows left out', failure: leavesRowsOutUnjudged(summary) ? rows : null };
  if (thresholds.length > 0) {
    const judged = thresholds.map((one) => ({
      name: one.expression,
      failure: one.passed ? null : describeThreshold(one),
    }));
    return [...judged, ...(leftOut.failure === null ? [] : [leftOut])];
  }
  const because = end?.message == null ? '' : ` (${end.message})`;
  const failure = `${verdict}${because}: ${rows}`;
  if (verdict === 'part-assigned') {
    return [{ name: 'all selected assigned', failure: leftOut.failure === null ? null : failure }];
  }
  return [{ name: 'all assigned', failure: verdict === 'all-assigned' ? null : failure }];
}

/** The verdict on the allocation policy. One that is neither a pass nor fails the run is a skipped test. */
function allocationTests(summary: Summary): readonly Test[] {
  const { allocation } = summary;
  if (allocation === null) return [];
  const name = `allocation: ${describeExpectation(allocation)}`;
  if (allocation.verdict === 'pass') return [{ name, failure: null }];
  const isFailure = allocation.verdict === 'fail' && failsByAllocation(summary);
  if (isFailure) return [{ name, failure: [describeFailure(allocation), ...describeWrongHubs(summary)].join('; ') }];
  return [{ name, failure: null, skipped: [allocation.verdict, ...describeConsequence(summary)].join(': ') }];
}

/** One test for each hub. A failure that thresholds allow is a skipped test. */
function hubCheckTests(summary: Summary): readonly Test[] {
  const { hubCheck } = summary;
  if (hubCheck === undefined) return [];
  if (hubCheck.sampled === 0) return [{ name: 'hub check', failure: null, skipped: describeHubCheck(hubCheck) }];
  return hubCheck.hubs.map(({ hub, sampled, passed, left, failures }) => {
    const name = `hub check (${hubCheck.check}): ${hub}`;
    if (passed >= sampled) return { name, failure: null };
    const what = [
      ...failures.map(({ code, count }) => `${formatNoun(count, 'device')} ${code}`),
      ...(left === 0 ? [] : [`${formatCount(left)} not checked`]),
      ...hubCheck.failures
        .filter((one) => one.hub === hub)
        .map(({ registrationId, result }) => `${registrationId}: ${result}`),
    ].join('; ');
    return failsByHubCheck(summary) ? { name, failure: what } : { name, failure: null, skipped: what };
  });
}

function describeFailure({ cohorts, movement }: AllocationJudgement): string {
  const failures = cohorts.flatMap(({ name, hubs }) =>
    hubs
      .filter(({ verdict }) => verdict === 'fail')
      .map(({ hub, count, share, ...judged }) => {
        const seen = `${hub} has ${formatCount(count)} (${formatFineShare(share ?? 0)})`;
        return `${name === '' ? '' : `${name}: `}${seen}${describeExpected(judged)}`;
      }),
  );
  if (movement?.verdict === 'fail') {
    const moved = `${formatCount(movement.moved)} of ${formatCount(movement.known)} moved`;
    failures.push(`${moved}${describeExpected(movement)}`);
  }
  return failures.join('; ');
}

/** `2 registrations at a wrong hub, all in wrong-hub.csv: dev-7, line 9, hub-b…, expected hub-a…` */
function describeWrongHubs(summary: Summary): readonly string[] {
  const title = wrongHubTitle(summary);
  if (title === null) return [];
  return [
    [
      `${title}: ${wrongHubRows(summary)
        .map((cells) => cells.join(', '))
        .join('; ')}`,
      ...unnamedWrongHubs(summary),
    ].join('; '),
  ];
}

function describeExpected({ expectedShare, reason }: Pick<MovementVerdict, 'expectedShare' | 'reason'>): string {
  return `, ${formatFineShare(expectedShare)} expected: ${describeReason(reason)}`;
}

function testCase({ name, failure, skipped = null }: Test): string {
  const open = `    <testcase${attributes({ classname: 'dpsload', name })}`;
  if (skipped !== null) return `${open}>\n      <skipped${attributes({ message: skipped })}/>\n    </testcase>`;
  if (failure === null) return `${open}/>`;
  return `${open}>\n      <failure${attributes({ message: failure })}/>\n    </testcase>`;
}

/** The numbers present, with their paths. */
function leaves(path: string, value: unknown): readonly (readonly [path: string, value: number])[] {
  if (typeof value === 'number') return [[path, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => leaves(path === '' ? name : `${path}.${name}`, member));
}

function timestamp({ sessions: [first] }: Summary): string {
  // JUnit's schema allows neither fractions of a second nor a zone.
  return first === undefined ? '' : attributes({ timestamp: first.startedAt.slice(0, 19) });
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`)
    .join('');
}

/** Text from outside may contain anything; characters that XML 1.0 does not allow become spaces. */
function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, ' ')
    .replace(/[&<>"\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`);
}
