import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OutcomeRecord } from '../../../src/journal/journal-record.ts';
import { FAILED_RESULTS } from '../../../src/metrics/outcome-counts.ts';
import { judgeThreshold, ThresholdWatch } from '../../../src/metrics/threshold/judge-threshold.ts';
import { parseThreshold } from '../../../src/metrics/threshold/parse-threshold.ts';
import { ABORT_REGISTRATIONS_MIN, COMPARATORS, type Comparator } from '../../../src/metrics/threshold/threshold.ts';
import { THRESHOLD_METRICS } from '../../../src/metrics/threshold/threshold-metrics.ts';
import { REGISTRATION_RESULTS } from '../../../src/registration/registration-outcome.ts';
import { runMeasures } from '../../support/run-measures.ts';
import { HUBS, notAssigned, outcomeRecord, stalledTimes } from '../../support/sample-journal.ts';

const judge = (expression: string, outcomes: readonly OutcomeRecord[]) =>
  judgeThreshold(parseThreshold(expression), runMeasures(outcomes), false);

/** Of a registration that its load generator may have delayed by 200 ms. */
const STALLED = stalledTimes({ serviceMs: 200 });

/** A registration that took `serviceMs` and ended so. */
function ended(row: number, result: OutcomeRecord['result'], serviceMs: number): OutcomeRecord {
  const times = { intendedAtMs: row, startedAtMs: row, finishedAtMs: row + serviceMs, waitedMs: 0 };
  if (result === 'assigned') return outcomeRecord(row, times);
  if (result === 'not-started') {
    const nothing = {
      intendedAtMs: null,
      startedAtMs: null,
      finishedAtMs: null,
      registersSent: 0,
      attempts: 0,
      polls: 0,
    };
    return outcomeRecord(row, notAssigned({ result, ...nothing }));
  }
  return outcomeRecord(row, notAssigned({ result, errorCode: '401000', ...times }));
}

const fleet = fc
  .array(fc.tuple(fc.constantFrom(...REGISTRATION_RESULTS), fc.integer({ min: 1, max: 10_000 })), { maxLength: 60 })
  .map((ends) => ends.map(([result, serviceMs], row) => ended(row, result, serviceMs)));

const NAIVE: Readonly<Record<Comparator, (a: number, b: number) => boolean>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => !(a > b),
  '>': (a, b) => a > b,
  '>=': (a, b) => !(a < b),
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
};

describe('a threshold', () => {
  it('is judged as by counting by hand', () => {
    fc.assert(
      fc.property(
        fleet,
        fc.constantFrom(...REGISTRATION_RESULTS),
        fc.constantFrom(...COMPARATORS),
        fc.nat(20),
        (outcomes, word, comparison, limit) => {
          const wanted = word === 'failed' ? FAILED_RESULTS : [word];
          const count = outcomes.filter(({ result }) => wanted.includes(result)).length;
          const launched = outcomes.filter(({ result }) => result !== 'not-started').length;
          expect(judge(`count(${word}) ${comparison} ${limit}`, outcomes)).toMatchObject({
            observed: count,
            passed: NAIVE[comparison](count, limit),
          });
          if (word === 'not-started') return;
          const share = launched === 0 ? null : count / launched;
          expect(judge(`rate(${word}) ${comparison} ${limit}%`, outcomes)).toMatchObject({
            observed: share,
            passed: share !== null && NAIVE[comparison](share, limit / 100),
          });
        },
      ),
    );
  });

  it('sees the percentiles and times of the assigned ones, within the 0.1% of the histogram', () => {
    fc.assert(
      fc.property(fleet, fc.integer({ min: 1, max: 100 }), (outcomes, percent) => {
        const times = outcomes
          .filter(({ result }) => result === 'assigned')
          .map(({ startedAtMs, finishedAtMs }) => Number(finishedAtMs) - Number(startedAtMs))
          .sort((a, b) => a - b);
        const { observed } = judge(`p${percent}(service) < 1h`, outcomes);
        const naive = times[Math.ceil((percent / 100) * times.length) - 1];
        if (naive === undefined) expect(observed).toBeNull();
        else expect(Math.abs(Number(observed) - naive)).toBeLessThanOrEqual(naive * 0.001);
      }),
    );
  });

  it('sees how long it took until a share of all had a hub', () => {
    fc.assert(
      fc.property(fleet, fc.integer({ min: 1, max: 100 }), (outcomes, percent) => {
        const starts = outcomes.flatMap(({ startedAtMs }) => (startedAtMs === null ? [] : [startedAtMs]));
        const ends = outcomes
          .flatMap(({ result, finishedAtMs }) => (result === 'assigned' ? [Number(finishedAtMs)] : []))
          .sort((a, b) => a - b);
        const naive = ends[Math.max(1, Math.ceil((percent / 100) * outcomes.length)) - 1];
        const { observed } = judge(`time_to(${percent}%) < 1h`, outcomes);
        if (naive === undefined) expect(observed).toBeNull();
        else expect(Math.abs(Number(observed) - (naive - Math.min(...starts)))).toBeLessThanOrEqual(naive * 0.001 + 1);
      }),
    );
  });

  const three = [
    outcomeRecord(0, { assignedHub: HUBS[0], registersSent: 2, throttles: 1 }),
    outcomeRecord(1, { assignedHub: HUBS[0], expectedHub: HUBS[1], polls: 3 }),
    outcomeRecord(2, { assignedHub: HUBS[1], expectedHub: HUBS[1], attempts: 2 }),
    ended(3, 'refused', 10),
  ];

  it.each([
    ['hub_share("HUB-A.azure-devices.net") == 0%', 2 / 3],
    ['hub_share("hub-b…") == 0%', 1 / 3],
    ['hub_share("hub-*") == 0%', 1],
    ['hub_share("elsewhere") == 0%', 0],
    ['hub_count("hub-a…") == 0', 2],
    ['hubs == 0', 2],
    ['as_expected == 0', 1],
    ['elsewhere == 0', 1],
    ['errors(401000) == 0', 1],
    ['errors(404201) == 7', 0],
    ['throttles == 0', 1],
    ['polls == 0', 6],
    ['registers_per_device == 0', 5 / 4],
    ['connections_per_device == 0', 5 / 4],
    ['polls_per_device == 0', 6 / 4],
    ['max(connack) == 0s', 2],
    ['loop_delay_max == 0s', 4.5],
    ['file_descriptors_max == 0', 130],
  ])('%s is judged by %d', (expression, observed) => {
    expect(judge(expression, three).observed).toBeCloseTo(observed, 1);
  });

  it.each([
    'p95(service) < 1h',
    'mean(tcp) >= 0s',
    'rate(failed) <= 100%',
    'time_to(1%) < 1h',
    'hub_share("a…") >= 0%',
    'registers_per_device < 9',
    'registrations_per_second >= 0',
    'as_expected >= 0',
    'emulator_cpu_mean != 7',
  ])('%s fails when nothing was measured', (expression) => {
    const measures = { ...runMeasures([]), health: null };
    const judged = judgeThreshold(parseThreshold(expression), measures, false);
    expect(judged).toMatchObject({ observed: null, passed: false });
  });

  it('can bound every metric of the table', () => {
    // One device that registers again, so that there is something to say of movement.
    const measured = [...three, { ...ended(2, 'assigned', 1), round: 2 }];
    for (const { name, argument, quantity } of THRESHOLD_METRICS) {
      const call = argument === null ? name : `${name}(${argument.words[0]})`;
      const limit = { duration: '>= 0s', share: '>= 0%', number: '>= 0', verdict: '!= pass' }[quantity];
      const { observed, passed } = judge(`${call} ${limit}`, measured);
      expect([name, observed === null, passed]).toEqual([name, false, true]);
    }
  });

  describe('on a time that the load generator may have delayed', () => {
    it.each([
      // Of 300 ms, 200 may be its own.
      ['holds in spite of that', 'p95(service) < 3s', { passed: true, limited: false, withoutLoadGenerator: null }],
      ['fails either way', 'p95(service) < 50ms', { passed: false, limited: false, withoutLoadGenerator: null }],
      ['depends on it', 'p95(service) < 200ms', { passed: false, limited: true, withoutLoadGenerator: 100 }],
      [
        'depends on it, from below',
        'p95(service) >= 200ms',
        { passed: false, limited: true, withoutLoadGenerator: 100 },
      ],
      ['is on its lateness itself', 'max(start_lag) < 1ms', { passed: true, limited: false }],
      ['is on no time', 'throttles == 1', { passed: true, limited: false }],
    ])('%s', (_, expression, verdict) => {
      const slow = [{ ...ended(0, 'assigned', 300), stalled: STALLED, throttles: 1 }];
      expect(judge(expression, slow)).toMatchObject(verdict);
    });

    it('passes if that is allowed', () => {
      const threshold = parseThreshold('max(service) < 200ms');
      const measures = runMeasures([{ ...ended(0, 'assigned', 300), stalled: STALLED }]);
      expect(judgeThreshold(threshold, measures, true)).toMatchObject({ passed: true, limited: true });
    });

    it('also bounds the time until a share was assigned, and rates', () => {
      const last = { ...ended(1, 'assigned', 1_000), stalled: { ...STALLED, serviceMs: 900 } };
      const outcomes = [ended(0, 'assigned', 10), last];
      expect(judge('time_to(100%) < 500ms', outcomes)).toMatchObject({ passed: false, limited: true });
      expect(judge('registrations_per_second > 4', outcomes)).toMatchObject({ passed: false, limited: true });
      expect(judge('active_time < 50ms', outcomes)).toMatchObject({ passed: false, limited: false });
    });
  });
});

describe('a threshold that is to stop the run', () => {
  const SKIPPED_ROWS = 3;

  function brokenAfter(expression: string, outcomes: readonly OutcomeRecord[]): number | null {
    const watch = new ThresholdWatch([parseThreshold(expression)], SKIPPED_ROWS);
    for (const [index, outcome] of outcomes.entries()) {
      watch.add(outcome);
      if (watch.broken() !== null) return index + 1;
    }
    return null;
  }
  const good = (count: number) => Array.from({ length: count }, (_, row) => ended(row, 'assigned', 100));
  const bad = ended(0, 'refused', 10);

  it.each([
    ['count(failed) == 0 abort', [...good(3), bad], 4],
    ['count(failed) <= 1 abort', [bad, bad, bad], 2],
    ['count(failed) < 1 abort', good(500), null],
    ['count(failed) == 0', [bad], null],
    ['rate(failed) < 1% abort', [bad, ...good(400)], ABORT_REGISTRATIONS_MIN],
    ['rate(failed) < 2% abort', [bad, ...good(400)], null],
    ['p50(service) < 1s abort', good(400), null],
    ['p50(service) < 50ms abort', good(400), ABORT_REGISTRATIONS_MIN],
    ['max(service) < 50ms abort', good(400), 1],
    ['count(left_out) < 3 abort', good(1), 1],
    ['count(left_out) <= 3 abort', good(400), null],
    ['rejected_rows == 0 abort', good(1), 1],
    ['rejected_rows == 3 abort', good(400), null],
  ])('%s', (expression, outcomes, after) => {
    expect(brokenAfter(expression, outcomes)).toBe(after);
  });
});
