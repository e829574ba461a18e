import { Help } from 'commander';
import { ABORT_REGISTRATIONS_MIN } from '../../metrics/threshold/judge-threshold.ts';
import { THRESHOLD_METRICS, type ThresholdMetric } from '../../metrics/threshold/threshold-metrics.ts';
import { GROUP_KEY_VARIABLE } from '../../scenario/scenario.ts';
import { SETTING_NAMES, settingNamed } from '../../scenario/settings/settings.ts';
import { EXIT_CODE } from '../host/exit-code.ts';
import { settingSource } from './setting-option.ts';

/** Columns of a terminal that everybody has. */
const WIDTH = 80;

const EXIT_CODES: readonly (readonly [number, string])[] = [
  [EXIT_CODE.success, 'all are registered, or --limit ended the run; all thresholds passed'],
  [EXIT_CODE.internalError, 'internal error, disk full, folder locked'],
  [EXIT_CODE.usage, 'usage, scenario or fleet file'],
  [EXIT_CODE.thresholdFailed, 'a threshold failed, or the verdict on the allocation policy is fail'],
  [EXIT_CODE.someFailed, 'finished, some registrations failed; only without thresholds'],
  [EXIT_CODE.unreachable, 'target unreachable, or a device of the canary failed: no other was registered'],
  [EXIT_CODE.stoppedMidway, 'stopped midway by an outage, surprises or the retry budget; can be resumed'],
  [EXIT_CODE.interrupted, 'stopped by SIGINT (Ctrl-C)'],
  [EXIT_CODE.terminated, 'stopped by SIGTERM'],
];

/** What follows the options in the help of `run`. */
export function runHelp(): string {
  return `
Scenario:
  A YAML file that begins with version: 1 and has the keys that --print-config
  shows. A flag is stronger than an environment variable, and that one stronger
  than the scenario. \${NAME} in a value stands for an environment variable,
  $\${NAME} for the text \${NAME} itself.
  Paths are relative to the scenario's folder. dpsload scenario list names those
  that come with it, for -s @NAME; a first line gives completion in editors:
    # yaml-language-server: $schema=scenario.schema.json
  Keys of enrollment groups are named, as keyFile or keyVariable, and never
  written; those of several groups go by the CSV's column group:
    attestation:
      groups: { line-a: { keyFile: a.key }, line-b: { keyVariable: LINE_B } }

Settings without a flag (key in the scenario):
${table(flaglessSettings())}

Environment:
  ${GROUP_KEY_VARIABLE} holds the base64 key of the enrollment group. Every setting
  has the variable that stands beside its default. Keys are never flags.

Thresholds:
  Each bounds a metric, with <, <=, >, >=, == or !=: "p95(service) < 3s",
  "rate(failed) < 0.1%", "throttles == 0". Times have ms, s, m or h, shares %;
  allocation is pass, inconclusive or fail: "allocation == pass".
  All are judged at the end; one that ends with the word abort also stops the
  run as soon as it is broken (rates and times after ${ABORT_REGISTRATIONS_MIN} registrations). In a
  scenario:
    thresholds:
      - p95(service) < 3s
      - { expression: "count(failed) == 0", abort: true }
${table(THRESHOLD_METRICS.map((metric) => [metricName(metric), metric.meaning]))}
${table(argumentWords())}

Exit codes:
${table(EXIT_CODES.map(([code, meaning]) => [String(code), meaning]))}

Examples:
  dpsload run fleet.csv --emulator
  dpsload run fleet.csv --emulator --rate 50/s --limit 1000 --json | jq .
  dpsload run fleet.csv --host global.azure-devices-provisioning.net \\
    --id-scope 0ne00111111 --group-key-file line-a.key --rate 900/min --dry-run
  dpsload run -s factory.yaml --print-config
`;
}

/** `count(assigned|…)`, with the words where they are few. */
function metricName({ name, argument }: ThresholdMetric): string {
  return argument === null ? name : `${name}(${argument.noun})`;
}

function argumentWords(): readonly (readonly [string, string])[] {
  const words = new Map(
    THRESHOLD_METRICS.flatMap(({ argument }) =>
      argument === null ? [] : [[argument.noun, argument.words.join(', ')]],
    ),
  );
  return [...words];
}

function flaglessSettings(): readonly (readonly [string, string])[] {
  return SETTING_NAMES.filter((name) => settingNamed(name).flag === null).map((name) => {
    const { key, help } = settingNamed(name);
    return [key, `${help} ${settingSource(name)}`];
  });
}

function table(rows: readonly (readonly [string, string])[]): string {
  const help = new Help();
  help.helpWidth = WIDTH;
  const width = Math.max(...rows.map(([term]) => term.length));
  return rows.map(([term, text]) => help.formatItem(term, width, text, help)).join('\n');
}
