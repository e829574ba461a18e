import { describe, expect, it } from 'vitest';
import { printThreshold } from '../../src/metrics/threshold/parse-threshold.ts';
import { printScenario } from '../../src/scenario/read/print-scenario.ts';
import { resolveScenario } from '../../src/scenario/read/resolve-scenario.ts';
import { operatorError } from '../support/fleet-file.ts';

const FLAGS = { fleet: 'f.csv', emulator: 'true' };

const resolved = (text: string, threshold?: string) =>
  resolveScenario({
    flags: threshold === undefined ? FLAGS : { ...FLAGS, threshold },
    environment: {},
    cores: 2,
    scenarioFile: { file: 's.yaml', text: `version: 1\n${text}` },
  });

const expressions = (text: string, threshold?: string) =>
  resolved(text, threshold).scenario.thresholds.map(printThreshold);

describe('the thresholds of a scenario', () => {
  it.each([
    ['', []],
    ['thresholds: []', []],
    ['thresholds: throttles == 0', ['throttles == 0']],
    ['thresholds: [ "p95(service)<3s", throttles == 0 ]', ['p95(service) < 3s', 'throttles == 0']],
    [
      'thresholds:\n  - { expression: "count(failed) == 0", abort: true }\n  - expression: polls < 9\n    abort: false',
      ['count(failed) == 0 abort', 'polls < 9'],
    ],
    ['thresholds: [ \'hub_share("a…") > 45%\' ]', ['hub_share("a…") > 45%']],
  ])('%j', (text, expected) => {
    expect(expressions(text)).toEqual(expected);
  });

  it('give way to those of flags', () => {
    expect(expressions('thresholds: [polls < 9]', 'throttles == 0\nconnections < 7')).toEqual([
      'throttles == 0',
      'connections < 7',
    ]);
  });

  it('are printed as they are read', () => {
    const text =
      'thresholds: [ "p95(service) < 3s", { expression: "throttles == 0", abort: true } ]\nallowLimited: true';
    const printed = printScenario(resolved(text));
    expect(printed).toContain('allowLimited: true # scenario: allowLimited (s.yaml:3:15)\n');
    expect(printed).toContain('thresholds:\n  # scenario: thresholds (s.yaml:2:13)\n  - p95(service) < 3s\n');
    expect(expressions(printed.replace('version: 1\n', ''))).toEqual(expressions(text));
  });

  it('are all reported when they are wrong, each with a caret', async () => {
    const text = 'thresholds:\n  - p95(servce) < 3s\n  - throttles == 0\n  - polls > 3s\n';
    const { message } = await operatorError(() => resolved(text));
    expect(message).toBe(
      [
        's.yaml:3:3: thresholds "p95(servce) < 3s\\nthrottles == 0\\npolls > 3s" is not a threshold: not a valid time, at column 5. ' +
          'See dpsload run --help for the metrics.',
        '  p95(servce) < 3s',
        '      ^ not a valid time. Write service.',
        '  polls > 3s',
        '          ^ polls needs a plain number. Write a plain number, such as 0 or 1.1.',
      ].join('\n'),
    );
  });

  it.each([
    ['thresholds: { a: b }', 2, 'thresholds is not a list of thresholds'],
    ['thresholds: [ { expression: polls < 1, aborts: true } ]', 2, 'unknown key "aborts" in thresholds.0'],
    ['thresholds: [ 3 ]', 2, 'thresholds is not a list of thresholds'],
  ])('%s is refused at its place', async (text, line, message) => {
    const { problems } = await operatorError(() => resolved(text));
    expect(problems[0]).toMatchObject({ file: 's.yaml', line, message });
    expect(problems[0]?.remedy).toContain('abort');
  });

  it('show no secret', async () => {
    const key = Buffer.alloc(32, 9).toString('base64');
    const { message } = await operatorError(() => resolved('', `errors("${key}" < 3`));
    expect(message).not.toContain(key);
  });
});
