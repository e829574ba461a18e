import type { AllocationJudgement } from '../allocation/judge-allocation.ts';
import type { ThresholdResult } from '../metrics/threshold/judge-threshold.ts';
import { describeExpectation, describeReason, formatPoints } from './describe-allocation.ts';
import { describeThreshold } from './describe-threshold.ts';
import type { Summary } from './summary.ts';

const MS_PER_SECOND = 1_000;

/**
 * A run as JUnit XML, as CI servers read it: one test suite, in which every threshold is a test; without thresholds, the
 * one test is that all were assigned. The figures of the summary are properties, named by their path in `summary.json`.
 */
export function junitXml(summary: Summary): string {
  const tests = [...testsOf(summary), ...allocationTests(summary)];
  const seconds = Math.round(summary.throughput.activeMs) / MS_PER_SECOND;
  const counts = attributes({
    tests: tests.length,
    failures: tests.filter(({ failure }) => failure !== null).length,
    errors: 0,
    time: seconds,
  });
  // Jenkins's schema has it of suites alone.
  const skipped = attributes({ skipped: tests.filter(({ skipped: because = null }) => because !== null).length });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name: 'dpsload' })}${counts}>`,
    `  <testsuite${attributes({ name: summary.target.label })}${counts}${skipped}${timestamp(summary)}>`,
    '    <properties>',
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
  const failure = `${verdict}${because}: ${counts.map(([result, count]) => `${count} ${result}`).join(', ')}`;
  return [{ name: 'all assigned', failure: verdict === 'all-assigned' ? null : failure }];
}

/** The verdict on the allocation policy: of what is inconclusive nobody knows that it failed. */
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
          `${name === '' ? '' : `${name}: `}${hub} has ${count} (${formatPoints(share ?? 0)}), ${formatPoints(expectedShare)} expected: ${describeReason(reason)}`,
      ),
  );
  const moved =
    movement?.verdict === 'fail'
      ? [
          `${movement.moved} of ${movement.known} moved, ${formatPoints(movement.expectedShare)} expected: ${describeReason(movement.reason)}`,
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

/** Numbers that are there, with the paths to them; what is listed by hub or code is left to `summary.json`. */
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

/** What others wrote may hold anything; characters that XML 1.0 does not allow become spaces. */
function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, ' ')
    .replace(/[&<>"\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`);
}
