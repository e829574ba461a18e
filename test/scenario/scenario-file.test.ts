import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TLS_CHOICES_DEFAULT } from '../../src/mqtt/tls-sockets.ts';
import { printScenario, scenarioKeys } from '../../src/scenario/read/print-scenario.ts';
import {
  type ResolvedScenario,
  resolveScenario,
  type ScenarioInput,
} from '../../src/scenario/read/resolve-scenario.ts';
import { resumeScenario } from '../../src/scenario/read/resume-scenario.ts';
import { anyText, symmetricKeys } from '../support/arbitraries.ts';
import { operatorError } from '../support/fleet-file.ts';

const ENVIRONMENT = { MY_HOST: 'h.example', LINE_B_KEY: Buffer.alloc(32, 1).toString('base64') };

function resolve(text: string, environment: ScenarioInput['environment'] = ENVIRONMENT): ResolvedScenario {
  return resolveScenario({ flags: {}, environment, cores: 4, scenarioFile: { file: 'd/s.yaml', text } });
}

const WHOLE = `version: 1
name: factory-batch
target: { host: "\${MY_HOST}", idScope: 0ne00111111, port: 8884, ca: ../ca.pem, apiVersion: 2021-10-01 }
attestation: { kind: group-key, groups: { line-a: { keyFile: line-a.key }, line-b: { keyVariable: LINE_B_KEY } } }
fleet: { file: fleet.csv, onBadRow: skip, delimiter: ;, columns: { registration_id: Serial Number, group: Line } }
load: { rate: 600/min, concurrency: 40, workers: 2, limit: 1000 }
registration: { attempts: 3, deadline: 2m, requestRetries: 4, polls: 9, connectTimeout: 3s, responseTimeout: 4s,
  pollDelay: 1s500ms, pollDelayMin: 250ms, retryInvalidCertificate: true, retryAfterMax: 1m, retryDelayBase: 2s, retryDelayMax: 50s, conflictDelayMin: 1s, conflictDelayMax: 2s }
out: /tmp/results
seed: 7
`;

/** Any text of one line, often one that means something to a scenario. */
const lines = fc
  .array(fc.oneof(fc.constantFrom('$', '{', '}', `\${X}`, '# ', ': '), anyText), { minLength: 1 })
  .map((parts) => parts.join(''))
  .filter((text) => /^[^\r\n\0]+$/.test(text));

describe('a scenario file', () => {
  it('gives every value, its files in its own folder', () => {
    expect(resolve(WHOLE).scenario).toEqual({
      name: 'factory-batch',
      target: { kind: 'service', host: 'h.example', port: 8884, idScope: '0ne00111111' },
      caFile: 'ca.pem',
      transport: 'mqtt',
      mqttClient: 'dpsload',
      nameResolution: { cacheMs: 30_000, pinned: [] },
      tls: TLS_CHOICES_DEFAULT,
      apiVersion: '2021-10-01',
      attestation: {
        kind: 'group-key',
        key: null,
        groups: {
          'line-a': { kind: 'file', file: 'd/line-a.key' },
          'line-b': { kind: 'environment', variable: 'LINE_B_KEY' },
        },
        secondary: { key: null, groups: {} },
      },
      fleet: {
        file: 'd/fleet.csv',
        delimiter: ';',
        header: true,
        columns: { registration_id: 'Serial Number', group: 'Line' },
      },
      onBadRow: 'skip',
      exactDuplicates: 'reject',
      load: {
        concurrency: 40,
        shape: { kind: 'rate', ratePerSecond: 10 },
        workers: 2,
        rowsMax: 1000,
        durationMs: null,
        rounds: 1,
        quota: { perMinute: 1000, share: 0.75 },
        hubs: null,
        governor: true,
        canaryPerGroup: 20,
        onOutage: 'hold',
        outageMaxMs: 900_000,
      },
      agents: null,
      selection: { excludeRun: null, onlyFile: null },
      expectation: { devices: 'any', surprisesMax: 10 },
      registration: {
        attemptsMax: 3,
        requestRetriesMax: 4,
        pollsMax: 9,
        connectTimeoutMs: 3_000,
        responseTimeoutMs: 4_000,
        deadlineMs: 120_000,
        pollDelayDefaultMs: 1_500,
        pollDelayMinMs: 250,
        retriesInvalidCertificate: true,
        retryAfterMaxMs: 60_000,
        retryDelayBaseMs: 2_000,
        retryDelayMaxMs: 50_000,
        conflictDelayMinMs: 1_000,
        conflictDelayMaxMs: 2_000,
        permitLapseMs: null,
      },
      allocation: null,
      hubCheck: null,
      region: null,
      notes: {},
      breakdowns: [],
      csvFor: 'plain',
      listsLeftBehind: false,
      out: '/tmp/results',
      thresholds: [],
      allowLimited: false,
      metricsPort: null,
      logFile: null,
      seed: 7,
    });
  });

  it('takes stages as a list, or as the text that a flag has', () => {
    const shapeOf = (stages: string) =>
      resolve(`version: 1\ntarget: { emulator: {} }\nfleet: { file: f.csv }\nload: { stages: ${stages} }\n`).scenario
        .load.shape;
    const stages = [
      { ratePerSecond: 10, forMs: 60_000, ramp: false },
      { ratePerSecond: 0, forMs: 30_000, ramp: true },
    ];
    expect(shapeOf('[{ rate: 10/s, for: 1m }, { rate: 0, for: 30s, ramp: true }]')).toEqual({ kind: 'stages', stages });
    expect(shapeOf('"10/s:1m,0:30s:ramp"')).toEqual({ kind: 'stages', stages });
  });

  it('puts environment variables into values', () => {
    const text = `version: 1\ntarget: { emulator: { config: "\${DIR}/e-\${N}.yaml", throwAway: true } }\nfleet: { file: f.csv }\nseed: \${N}\n`;
    expect(resolve(text, { DIR: '/x', N: '3' }).scenario).toMatchObject({
      target: { configFile: '/x/e-3.yaml' },
      seed: 3,
    });
  });

  it('takes a reference with one more $ as the text that it is', () => {
    const nameOf = (name: string) =>
      resolve(`version: 1\ntarget: { emulator: {} }\nfleet: { file: f.csv }\nname: '${name}'\n`, { X: 'x' }).scenario
        .name;
    expect(nameOf(`$\${X} \${X} $$\${X} $X $$ \${`)).toBe(`\${X} x $\${X} $X $$ \${`);
  });

  it.each<[string, string, readonly (readonly [number, number, string, string])[]]>([
    ['no version', 'name: a\n', [[1, 1, 'version is not 1', 'Write version: 1']]],
    ['another version', 'name: a\nversion: 2\n', [[2, 10, 'version is not 1', 'Write version: 1']]],
    ['nothing', '', [[1, 1, 'the scenario is not a mapping', 'version']]],
    ['a list', '- a\n', [[1, 1, 'the scenario is not a mapping', 'version']]],
    ['an unknown key', 'version: 1\nfoo: 1\n', [[2, 1, 'unknown key "foo"', 'Use one of the keys version']]],
    [
      'a key one edit away',
      'version: 1\nload:\n  concurency: 5\n',
      [[3, 3, 'unknown key "concurency" in load', 'Write concurrency']],
    ],
    [
      'a key in another case',
      'version: 1\nattestation:\n  key-file: a\n',
      [[3, 3, 'unknown key "key-file"', 'Write keyFile']],
    ],
    ['a key in the wrong place', 'version: 1\nhost: h\n', [[2, 1, 'unknown key "host"', 'Move it to target']]],
    [
      'a literal key',
      'version: 1\nattestation: { primaryKey: abc }\n',
      [[2, 16, 'unknown key "primaryKey"', 'Never write a secret here']],
    ],
    [
      'a literal key as a file',
      `version: 1\nattestation: { keyFile: ${ENVIRONMENT.LINE_B_KEY} }\n`,
      [[2, 25, 'attestation.keyFile contains a secret', 'create a new key']],
    ],
    [
      'a literal key of a group',
      `version: 1\nattestation: { groups: { a: { keyVariable: ${ENVIRONMENT.LINE_B_KEY} } } }\n`,
      [
        [2, 29, 'the enrollment group "a" has no key', 'keyFile'],
        [2, 44, 'contains a secret', 'create a new key'],
      ],
    ],
    [
      'an unknown key of a group',
      'version: 1\nattestation: { groups: { a: { keyFile: a, primaryKey: x } } }\n',
      [[2, 43, 'unknown key "primaryKey" in attestation.groups.a', 'Never write a secret here']],
    ],
    [
      'an unknown column',
      'version: 1\nfleet: { columns: { serial: x } }\n',
      [[2, 19, 'fleet.columns "serial=x" is not a known column', 'registration_id=Serial']],
    ],
    [
      'a key twice',
      'version: 1\nseed: 1\nseed: 2\n',
      [[3, 1, 'is not valid YAML: Map keys must be unique', 'Correct the YAML']],
    ],
    ['no YAML', 'version: 1\nload: { rate: 1/s\nseed: 2\n', [[3, 1, 'is not valid YAML', 'Correct the YAML']]],
    ['two documents', 'version: 1\n---\nversion: 1\n', [[2, 1, 'is not valid YAML', 'Correct the YAML']]],
    [
      'an unknown tag',
      'version: 1\nname: !secret a\n',
      [[2, 7, 'is not valid YAML: Unresolved tag', 'Correct the YAML']],
    ],
    ['an alias', 'version: 1\nname: &a x\nout: *a\n', [[3, 6, 'aliases', 'Write the value itself']]],
    ['no value', 'version: 1\nload:\n  rate:\n', [[3, 8, 'load.rate is not a single value', 'remove the key']]],
    [
      'a list for a value',
      'version: 1\nload:\n  rate: [1/s]\n',
      [[3, 9, 'load.rate is not a single value', 'Write a text']],
    ],
    [
      'a value for a mapping',
      'version: 1\nload: 5\n',
      [[2, 7, 'load is not a mapping', 'keys concurrency, rate, stages, batches']],
    ],
    [
      'true for the emulator',
      'version: 1\ntarget: { emulator: true }\n',
      [[2, 21, 'target.emulator is not a mapping', 'keys config']],
    ],
    [
      'a bad value',
      'version: 1\nload: { rate: 50, limit: 0 }\n',
      [
        [2, 15, 'load.rate "50" is not a rate', '600/min'],
        [2, 26, 'load.limit "0" is not a whole number', 'digits only'],
      ],
    ],
    [
      'a variable that is not set',
      `version: 1\nname: "x \${NOPE}"\n`,
      [[2, 7, 'the environment variable "NOPE", which is not set', 'Set it']],
    ],
    [
      'a variable that holds a secret',
      `version: 1\nname: \${LINE_B_KEY}\n`,
      [[2, 7, '"LINE_B_KEY", which holds a secret', 'keyVariable']],
    ],
    [
      'keys of later versions',
      'version: 1\nload: { stages: [], thresholds: 1 }\nagents: {}\nrounds: 2\n',
      [
        [2, 17, 'load.stages "" is not a list of stages', 'rate:duration'],
        [2, 21, '"thresholds" in load', ''],
        [3, 1, '"agents"', ''],
        [4, 1, '"rounds"', ''],
      ],
    ],
  ])('with %s is refused, at the place', async (_, text, expected) => {
    const { problems } = await operatorError(() => resolve(text));
    const found = problems.filter(({ file }) => file === 'd/s.yaml');
    expect(found.map(({ line, column }) => [line, column])).toEqual(expected.map(([line, column]) => [line, column]));
    found.forEach(({ message, remedy }, index) => {
      expect(message).toContain(expected[index]?.[2]);
      expect(remedy).toContain(expected[index]?.[3]);
    });
  });

  it('reports all problems at once, from its top to its end, with those of flags and environment', async () => {
    const text = 'version: 2\nseed: x\ntarget: { prt: 1, host: "a b" }\nload: { rate: 5, wrkers: 1 }\n';
    const flags = { attempts: '0' };
    const scenarioFile = { file: 's.yaml', text };
    const environment = { DPSLOAD_DEADLINE: 'soon' };
    const error = await operatorError(() => resolveScenario({ flags, environment, cores: 1, scenarioFile }));
    expect(error.message.split('\n').map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
      's.yaml:1:10: version',
      's.yaml:2:7: seed',
      's.yaml:3:11: unknown',
      's.yaml:3:25: target.host',
      's.yaml:3:25: target.host',
      's.yaml:4:15: load.rate',
      's.yaml:4:18: unknown',
      '--attempts "0"',
      'DPSLOAD_DEADLINE "soon"',
      'no fleet',
    ]);
  });

  it('never has a key quoted, wherever it stands', async () => {
    const places: readonly ((key: string) => string)[] = [
      (key) => `version: 1\nattestation: { primaryKey: "${key}" }`,
      (key) => `version: 1\nattestation: { keyFile: "${key}" }`,
      (key) => `version: 1\nattestation: { keyVariable: "${key}" }`,
      (key) => `version: 1\nattestation: { groups: { "${key}": {} } }`,
      (key) => `version: 1\nattestation: { groups: { a: { keyVariable: "${key}", keyFile: "${key}" } } }`,
      (key) => `version: 1\n"${key}": 1`,
      (key) => `version: 1\nload: { rate: "${key}", "${key}": 1 }`,
      (key) => `version: 1\nfleet: { columns: { "${key}": "${key}", group: "${key}" } }`,
      (key) => `version: 1\nname: ${key} : ${key}: [`,
      (key) => `${key}`,
      (key) => `version: 1\nname: !${key} a\nseed: *${key}`,
      () => `version: 1\nload: { rate: "x \${SECRET}" }\ntarget: { idScope: "\${SECRET}" }`,
      (key) => `version: 1\nattestation: { groups: { "${key}": { x: 1, keyFile: [], keyVariable: NOPE } } }`,
      (key) => `version: 1\nfleet: { columns: { "${key}": [] } }`,
      () => `version: 1\nattestation: { keyVariable: "\${SECRET}" }\nseed: "\${DPSLOAD_GROUP_KEY}"`,
    ];
    await fc.assert(
      fc.asyncProperty(symmetricKeys, fc.constantFrom(...places), async (key, place) => {
        const environment = {
          SECRET: key,
          DPSLOAD_GROUP_KEY: key,
          DPSLOAD_RATE: key,
          DPSLOAD_HOST: key,
          [`DPSLOAD_${key}`]: '1',
        };
        const flags = { port: key, idScope: key, groupKeyFile: key, map: `${key}=${key}` };
        const scenarioFile = { file: 's.yaml', text: place(key) };
        const { message } = await operatorError(() => resolveScenario({ flags, environment, cores: 1, scenarioFile }));
        expect(message).not.toContain(key);
      }),
      { numRuns: 200 },
    );
  });
});

describe('the printed scenario', () => {
  it.each<[string, ScenarioInput['flags'], string | null]>([
    ['a whole scenario', {}, WHOLE],
    ['flags over a scenario', { concurrency: '9', rate: '1/h', header: 'true', limit: '3' }, WHOLE],
    ['the emulator', { emulator: 'true', fleet: 'f.csv' }, null],
    [
      'the emulator with a configuration',
      { emulator: 'true', emulatorConfig: 'e.yaml', throwAway: 'true', fleet: 'f.csv', delimiter: 'tab' },
      null,
    ],
    [
      'a group key file',
      { host: 'h', idScope: '0ne00000000', fleet: 'f.csv', groupKeyFile: 'k', header: 'false' },
      null,
    ],
    [
      'device keys',
      { host: 'h', idScope: '0ne00000000', fleet: 'f.csv', attestation: 'device-key', map: 'device_key=Token' },
      null,
    ],
  ])('of %s is a scenario that gives the same run', (_, flags, text) => {
    const scenarioFile = text === null ? null : { file: '/base/s.yaml', text };
    const absolute = Object.fromEntries(
      Object.entries(flags).map(([name, value]) => [
        name,
        ['fleet', 'emulatorConfig', 'groupKeyFile'].includes(name) ? `/base/${value}` : value,
      ]),
    );
    const first = resolveScenario({
      flags: { ...absolute, out: '/out' },
      environment: ENVIRONMENT,
      cores: 3,
      scenarioFile,
    });
    const printed = printScenario(first);
    const scenarioAgain = { file: '/elsewhere/printed.yaml', text: printed };
    const again = resolveScenario({ flags: {}, environment: ENVIRONMENT, cores: 16, scenarioFile: scenarioAgain });
    expect(again.scenario).toEqual(first.scenario);
  });

  it('gives the same run for any text, also one that looks like a reference to a variable', () => {
    fc.assert(
      fc.property(lines, (line) => {
        const file = `/base/${line.replaceAll('/', '-')}.x`;
        const flags = { host: 'h', idScope: '0ne00000000', fleet: file, out: '/out', map: `group=${line}` };
        const text = `version: 1\nattestation: { groups: { a: { keyFile: k.key } } }\n`;
        const scenarioFile = { file: `${file}/s.yaml`, text };
        const first = resolveScenario({ flags, environment: { DPSLOAD_NAME: line }, cores: 3, scenarioFile });
        const printed = { file: '/elsewhere/printed.yaml', text: printScenario(first) };
        const again = resolveScenario({ flags: {}, environment: {}, cores: 3, scenarioFile: printed });
        expect(again.scenario).toEqual(first.scenario);
        const settings = JSON.parse(JSON.stringify(scenarioKeys(first))) as object;
        const resumed = resumeScenario({ file: '/run/run.json', settings, flags: {}, environment: {}, cores: 3 });
        expect(resumed.scenario).toEqual(first.scenario);
      }),
      { numRuns: 100 },
    );
  });

  it('says of each value where it comes from, and holds no secret', () => {
    const printed = printScenario(
      resolveScenario({
        flags: { host: 'h', idScope: '0ne00000000' },
        environment: { DPSLOAD_GROUP_KEY: ENVIRONMENT.LINE_B_KEY, DPSLOAD_RATE: '5/s' },
        cores: 2,
        scenarioFile: { file: 's.yaml', text: 'version: 1\nfleet: { file: f.csv }\nseed: 3\n' },
      }),
    );
    expect(printed).toContain('host: h # flag: --host\n');
    expect(printed).toContain('rate: 5/s # environment: DPSLOAD_RATE\n');
    expect(printed).toContain('seed: 3 # scenario: seed (s.yaml:3:7)\n');
    expect(printed).toContain('attempts: 5 # default: ');
    expect(printed).toContain('keyVariable: DPSLOAD_GROUP_KEY # environment: DPSLOAD_GROUP_KEY\n');
    expect(printed).not.toContain(ENVIRONMENT.LINE_B_KEY);
  });
});
