import { Help } from 'commander';
import { ABORT_REGISTRATIONS_MIN } from '../../metrics/threshold/threshold.ts';
import { THRESHOLD_METRICS } from '../../metrics/threshold/threshold-metrics.ts';
import { GROUP_KEY_VARIABLE } from '../../scenario/scenario.ts';
import { SETTING_NAMES, settingNamed } from '../../scenario/settings/settings.ts';
import { EXIT_CODE, EXIT_CODE_MEANINGS } from '../host/exit-code.ts';
import { settingSource } from './options.ts';

/** Columns that every terminal has. */
const WIDTH = 80;

type TableRow = readonly [term: string, text: string];

/** Everything below the options in the help of `run`. */
export function runHelp(): string {
  return `
Scenario:
  A YAML file that starts with version: 1 and has the keys that --print-config
  shows. Flags override environment variables, and these override the scenario.
  In values, \${NAME} stands for an environment variable, and $\${NAME} for the
  literal text \${NAME}. Paths are relative to the scenario's folder.
  dpsload scenario list names the bundled scenarios, for -s @NAME. For
  completion in an editor, run dpsload scenario schema > scenario.schema.json
  and start the file with
    # yaml-language-server: $schema=scenario.schema.json
  Name the keys of enrollment groups with keyFile or keyVariable; never write
  them into the scenario. With several groups, the CSV's column group selects
  the key:
    attestation:
      groups: { line-a: { keyFile: a.key }, line-b: { keyVariable: LINE_B } }

Settings without a flag (keys of the scenario):
${table(flaglessSettings())}

Environment:
  ${GROUP_KEY_VARIABLE} holds the base64 key of the enrollment group. Every setting
  has a variable, shown next to its default. Keys are never flags.

Thresholds:
  Each compares a metric by <, <=, >, >=, == or !=: "p95(service) < 3s",
  "rate(failed) < 0.1%", "throttles == 0". Times take ms, s, m or h, shares %;
  allocation is pass, inconclusive or fail: "allocation == pass".
  All are judged at the end. A threshold that ends with the word abort also
  stops the run as soon as it fails (rates and times after ${ABORT_REGISTRATIONS_MIN} registrations).
  In a scenario:
    thresholds:
      - p95(service) < 3s
      - { expression: "count(failed) == 0", abort: true }
${table(thresholdMetrics())}
${table(metricArguments())}

Exit codes:
  If several apply, the first one in this list wins.
${table(exitCodes())}

Examples:
  dpsload run fleet.csv --emulator
  dpsload run fleet.csv --emulator --rate 50/s --limit 1000 --json | jq .
  dpsload run fleet.csv --host global.azure-devices-provisioning.net \\
    --id-scope 0ne00111111 --group-key-file line-a.key --rate 600/min --dry-run
  dpsload run -s factory.yaml --print-config
`;
}

function flaglessSettings(): readonly TableRow[] {
  return SETTING_NAMES.filter((name) => settingNamed(name).flag === null).map((name) => {
    const { key, help } = settingNamed(name);
    return [key, `${help} ${settingSource(name)}`];
  });
}

function thresholdMetrics(): readonly TableRow[] {
  return THRESHOLD_METRICS.map(({ name, argument, meaning }) => [
    argument === null ? name : `${name}(${argument.noun})`,
    meaning,
  ]);
}

/** The nouns in the brackets of metrics, with the words they stand for. */
function metricArguments(): readonly TableRow[] {
  const given = THRESHOLD_METRICS.flatMap(({ argument }) => argument ?? []);
  return [...new Map(given.map(({ noun, words }) => [noun, words.join(', ')]))];
}

function exitCodes(): readonly TableRow[] {
  return Object.entries(EXIT_CODE).map(([name, code]) => [
    String(code),
    EXIT_CODE_MEANINGS[name as keyof typeof EXIT_CODE],
  ]);
}

function table(rows: readonly TableRow[]): string {
  const help = new Help();
  help.helpWidth = WIDTH;
  const width = Math.max(...rows.map(([term]) => term.length));
  return rows.map(([term, text]) => help.formatItem(term, width, text, help)).join('\n');
}
