import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readRunInputs } from '../../../src/cli/host/run-inputs.ts';
import { describeRun } from '../../../src/cli/view/describe-run.ts';
import {
  type ResolvedScenario,
  resolveScenario,
  type ScenarioInput,
} from '../../../src/scenario/read/resolve-scenario.ts';
import type { Scenario } from '../../../src/scenario/scenario.ts';
import { selectedRows } from '../../../src/selection/session-rows.ts';
import { authority } from '../../support/certificates.ts';
import { operatorError } from '../../support/fleet-file.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const KEY = Buffer.alloc(32, 1).toString('base64');
const folder = temporaryFolder();

function given(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

const fleet = given('fleet.csv', 'registration_id\na\nb\nc\n');
const SERVICE = { fleet, host: 'h', idScope: '0ne00000000' };

function resolvedOf(flags: ScenarioInput['flags'], environment = {}): ResolvedScenario {
  return resolveScenario({ flags, environment, cores: 4, scenarioFile: null });
}

const scenarioOf = (...given: Parameters<typeof resolvedOf>): Scenario => resolvedOf(...given).scenario;

describe('what a run reads', () => {
  it('is the fleet, the keys and the certificates', async () => {
    const { certificatePem } = await authority('a root');
    const scenario = scenarioOf({
      ...SERVICE,
      ca: given('ca.pem', certificatePem),
      groupKeyFile: given('k', `${KEY}\n`),
    });
    expect(await readRunInputs(scenario, {})).toMatchObject({
      fleet: { rows: 3 },
      keys: { kind: 'group-key', defaultKey: KEY, groups: {} },
      caPems: [certificatePem],
    });
  });

  it('is refused as a whole, with the problems of all of it', async () => {
    const scenario = scenarioOf({
      ...SERVICE,
      fleet: given('bad.csv', 'registration_id\na b\n'),
      ca: given('no-ca.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
      groupKeyFile: given('bad.key', 'abc'),
    });
    const error = await operatorError(() => readRunInputs(scenario, {}));
    expect(error.kind).toBe('usage');
    expect(error.problems.map(({ file }) => file?.slice(folder.length + 1))).toEqual([
      'bad.key',
      'no-ca.pem',
      // The row, and the number of bad rows.
      'bad.csv',
      'bad.csv',
    ]);
    expect(error.problems.filter(({ remedy }) => remedy === null)).toEqual([]);
  });

  it.each([
    ['ca', 'ca'],
    ['an emulator configuration', 'emulatorConfig'],
  ])('is refused when the file of %s is missing', async (_, name) => {
    const scenario = scenarioOf(
      { fleet, emulator: 'true', [name]: join(folder, 'nowhere') },
      { DPSLOAD_GROUP_KEY: KEY },
    );
    const error = await operatorError(() => readRunInputs(scenario, { DPSLOAD_GROUP_KEY: KEY }));
    expect(error.problems).toMatchObject([{ file: join(folder, 'nowhere'), message: 'no such file' }]);
  });
});

describe('an emulator configuration', () => {
  const KEYED = 'symmetricKey: { primaryKeyVariable: DPSLOAD_GROUP_KEY }';
  const given = (attestation: string): string => {
    const file = join(folder, 'emulator.yaml');
    const group = `{ enrollmentGroupId: g, attestation: { ${attestation} } }`;
    writeFileSync(file, `version: 1\ninstances: [{ idScope: 0ne0000E000, enrollmentGroups: [${group}] }]\n`);
    return file;
  };
  const read = (file: string, environment: Record<string, string>) =>
    readRunInputs(scenarioOf({ fleet, emulator: 'true', emulatorConfig: file }, environment), environment);

  it.each([
    ['an unknown key', 'symmetrickey: {}', 'unknown key "symmetrickey"'],
    [
      'a variable that is not set',
      'symmetricKey: { primaryKeyVariable: NONE }',
      'primaryKeyVariable names a key that is empty',
    ],
  ])('is refused for %s, as the emulator refuses it', async (_, attestation, message) => {
    const file = given(attestation);
    const error = await operatorError(() => read(file, { DPSLOAD_GROUP_KEY: KEY }));
    expect(error.problems[0]).toMatchObject({ file, line: 2 });
    expect(error.message).toContain(message);
  });

  it('may name the key of the run, given or thrown away', async () => {
    const file = given(KEYED);
    expect((await read(file, { DPSLOAD_GROUP_KEY: KEY })).fleet.rows).toBeGreaterThan(0);
    expect((await read(file, { DPSLOAD_THROW_AWAY: 'true' })).fleet.rows).toBeGreaterThan(0);
  });
});

describe('the description of a run', () => {
  const DEFENDED = 'at most 750 register requests a minute, governor on, canary of 20 devices per group';
  const survey = {
    file: fleet,
    digest: 'd'.repeat(64),
    bytes: 9_000,
    rows: 1_000,
    rejectedRows: 0,
    rejectedLines: null,
    knownColumns: ['registration_id'] as const,
    otherColumns: [],
    delimiter: ',',
    capitalIds: 0,
    windows1252: null,
  };
  it.each<[ScenarioInput['flags'], Record<string, string>, readonly string[]]>([
    [{ fleet, emulator: 'true' }, {}, ['EMULATOR', 'a throwaway key', '1,000 rows', '34', '2 × 33', 'about 30 s']],
    [
      { fleet, emulator: 'true', limit: '20' },
      {},
      ['20 rows', 'about 3 s, 0 s until the last launch, if a registration takes 3 s'],
    ],
    [{ fleet, emulator: 'true', limit: '20', rounds: '2' }, {}, ['40 registrations', 'about 6 s']],
    [
      { ...SERVICE, rate: '600/min', limit: '60' },
      { DPSLOAD_GROUP_KEY: KEY },
      [
        'h:8883, ID scope 0ne00000000',
        'all: $DPSLOAD_GROUP_KEY',
        '60 rows',
        '10/s',
        'about 12 s, 9 s until the last launch, if a registration takes 3 s',
        '1 × 34, 2 × 33',
      ],
    ],
    [{ ...SERVICE, attestation: 'device-key' }, {}, ['device-key']],
  ])('of %j names target, keys, rows, load and duration, and no secret', (flags, environment, parts) => {
    const resolved = resolvedOf(flags, environment);
    const rows = selectedRows({ load: resolved.scenario.load, selection: survey });
    const text = describeRun({ resolved, choice: null }, survey, rows);
    for (const part of parts) expect(text).toContain(part);
    expect(text).toContain('nothing was opened');
    expect(text).not.toContain(KEY);
  });

  it.each<[ScenarioInput['flags'], string, string | null]>([
    [
      {},
      'no quota, governor off, no canary; does not ask for confirmation',
      `${DEFENDED}; does not ask for confirmation`,
    ],
    [
      { quota: '100/min' },
      'at most 75 register requests a minute, governor on, no canary; does not ask for confirmation',
      'at most 75 register requests a minute, governor on, canary of 20 devices per group; does not ask for confirmation',
    ],
    [
      { rate: '900/min' },
      'no quota, governor off, no canary; does not ask for confirmation',
      "would refuse this load: it asks for 900 registrations a minute, but this run's share of the quota is 750 a minute (75% of 1,000)",
    ],
    [
      { quota: 'off', governor: 'off' },
      'no quota, governor off, no canary; does not ask for confirmation',
      'no quota, governor off, canary of 20 devices per group; asks for confirmation because no quota limits the run and the governor is off: the run does not slow down when the service throttles',
    ],
    [{ ...SERVICE, attestation: 'device-key' }, `${DEFENDED}; does not ask for confirmation`, null],
  ])('of %j says what this target gets, and what a real host would', (flags, here, there) => {
    const target = 'host' in flags ? {} : { emulator: 'true' };
    const resolved = resolvedOf({ fleet, ...target, ...flags });
    const lines = describeRun({ resolved, choice: null }, survey, survey.rows).split('\n');
    const line = (term: string) => lines.find((each) => each.startsWith(term.padEnd(13)))?.slice(13) ?? null;
    expect([line('limits'), line('real host')]).toEqual([here, there]);
  });
});
