import type { AllocationJudgement } from '../allocation/judge-allocation.ts';
import type { ThresholdResult } from '../metrics/threshold/judge-threshold.ts';
import { describeExpectation, describeReason } from './allocation-text.ts';
import { formatCount, formatFineShare } from './format.ts';
import type { Summary } from './summary.ts';
import { describeThreshold } from './threshold-text.ts';

/**
 * A run as JUnit XML for CI servers: one test suite with a test for each threshold or, without thresholds, the single test
 * that all devices were assigned. Figures of the summary are properties, named by their path in `summary.json`.
 */
export function junitXml(summary: Summary): string {
  const tests = [...testsOf(summary), ...allocationTests(summary)];
  const seconds = Math.round(summary.throughput.activeMs) / 1000;
  const counts = attributes({
    tests: tests.length,
    failures: tests.filter(({ failure }) => failure !== null).length,
    errors: 0,
    time: seconds,
  });
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
    ...figures(summary).map(([name, value]) => `      <property${attributes({ name, value })}/>`),
    '    </properties>',
    ...tests.map(testCase),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

type Test = { readonly name: string; readonly failure: string | null; readonly skipped?: string | null };

function testsOf({ thresholds, verdict, results, end }: Summary): readonly Test[] {
  if (thresholds.length > 0) return thresholds.map(thresholdTest);
  const counts = Object.entries(results).filter(([, count]) => count > 0);
  const because = end?.message == null ? '' : ` (${end.message})`;
  const failure = `${verdict}${because}: ${counts.map(([result, count]) => `${formatCount(count)} ${result}`).join(', ')}`;
  return [{ name: 'all assigned', failure: verdict === 'all-assigned' ? null : failure }];
}

/** The verdict on the allocation policy; an inconclusive one is a skipped test, because it is not known to have failed. */
function allocationTests({ allocation }: Summary): readonly Test[] {
  if (allocation === null) return [];
  const name = `allocation: ${describeExpectation(allocation)}`;
  const skipped = allocation.verdict === 'inconclusive' ? 'inconclusive' : null;
  return [{ name, failure: allocation.verdict === 'fail' ? describeFailure(allocation) : null, skipped }];
}

function describeFailure({ cohorts, movement }: AllocationJudgement): string {
  const hubs = cohorts.flatMap(({ name, hubs: judged }) =>
    judged
      .filter(({ verdict }) => verdict === 'fail')
      .map(
        ({ hub, count, share, expectedShare, reason }) =>
          `${name === '' ? '' : `${name}: `}${hub} has ${formatCount(count)} (${formatFineShare(share ?? 0)}), ${formatFineShare(expectedShare)} expected: ${describeReason(reason)}`,
      ),
  );
  const moved =
    movement?.verdict === 'fail'
      ? [
          `${formatCount(movement.moved)} of ${formatCount(movement.known)} moved, ${formatFineShare(movement.expectedShare)} expected: ${describeReason(movement.reason)}`,
        ]
      : [];
  return [...hubs, ...moved].join('; ');
}

function thresholdTest(result: ThresholdResult): Test {
  return { name: result.expression, failure: result.passed ? null : describeThreshold(result) };
}

function testCase({ name, failure, skipped = null }: Test): string {
  const open = `    <testcase${attributes({ classname: 'dpsload', name })}`;
  if (skipped !== null) return `${open}>\n      <skipped${attributes({ message: skipped })}/>\n    </testcase>`;
  if (failure === null) return `${open}/>`;
  return `${open}>\n      <failure${attributes({ message: failure })}/>\n    </testcase>`;
}

/** The numbers present, with their paths; lists by hub or code are only in `summary.json`. */
function figures(summary: Summary): readonly (readonly [path: string, value: number])[] {
  const { results, latency, recovery, requests, throughput } = summary;
  return leaves('', { results, latency, recovery, requests, throughput });
}

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
