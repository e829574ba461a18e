import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TLS_CHOICES_DEFAULT } from '../../src/mqtt/tls-sockets.ts';
import { REGISTRATION_POLICY_DEFAULT } from '../../src/registration/registration-policy.ts';
import { loadRisks, meteredPerMinute } from '../../src/scenario/read/load-risks.ts';
import { excessOf, loadAtRealHost } from '../../src/scenario/read/resolve-load.ts';
import {
  type ResolvedScenario,
  resolveScenario,
  type ScenarioInput,
} from '../../src/scenario/read/resolve-scenario.ts';
import {
  longFlag,
  SETTING_NAMES,
  type SettingName,
  settingNamed,
  variableOf,
} from '../../src/scenario/settings/settings.ts';
import { operatorError } from '../support/fleet-file.ts';

const KEY = Buffer.alloc(32, 1).toString('base64');

function resolve(input: Partial<Omit<ScenarioInput, 'scenarioFile'>> & { readonly text?: string }): ResolvedScenario {
  const { text, flags = {}, environment = {}, cores = 4 } = input;
  return resolveScenario({
    flags,
    environment,
    cores,
    scenarioFile: text === undefined ? null : { file: 'd/s.yaml', text },
  });
}

const NO_KEYS = { key: null, groups: {} };

/** Three values of each setting as they are written, with what is needed beside them for a run that can be resolved. */
const SERVICE = { host: 'h.example', idScope: '0ne00000000' };
const CHECKED = { hubCheck: 'connect' };
const SAMPLES: Readonly<
  Record<SettingName, { readonly texts: readonly [string, string, string]; readonly beside?: ScenarioInput['flags'] }>
> = {
  name: { texts: ['a', 'b', 'c'] },
  note: { texts: ['order=1', 'order=2', 'order=3'] },
  by: { texts: ['line', 'Site', 'line\nSite'] },
  emulator: { texts: ['true', 'true', 'true'] },
  emulatorConfig: { texts: ['/a.yaml', '/b.yaml', '/c.yaml'], beside: { emulator: 'true', throwAway: 'true' } },
  throwAway: { texts: ['true', 'false', 'true'], beside: { emulator: 'true' } },
  host: { texts: ['a', 'b', 'c.d'], beside: { idScope: '0ne00000000' } },
  idScope: { texts: ['0ne00000001', '0ne00000002', '0ne00000003'], beside: { host: 'h' } },
  port: { texts: ['1', '2', '65535'], beside: SERVICE },
  ca: { texts: ['/a.pem', '/b.pem', '/c.pem'], beside: SERVICE },
  caOnly: { texts: ['/a.pem', '/b.pem', '/c.pem'], beside: SERVICE },
  transport: { texts: ['websocket', 'mqtt', 'websocket'] },
  mqttClient: { texts: ['mqtt.js', 'dpsload', 'mqtt.js'] },
  dnsCache: { texts: ['10s', 'off', '1m'] },
  resolve: { texts: ['a:1:10.0.0.1', 'b:443:::1', 'c.d:8883:10.0.0.1,e:8883:10.0.0.2'] },
  serverName: { texts: ['a', 'b.c', 'd'] },
  tlsMin: { texts: ['1.3', '1.2', '1.3'] },
  tlsMax: { texts: ['1.2', '1.3', '1.2'] },
  localAddress: { texts: ['10.0.0.1', '::1', '10.0.0.1,10.0.0.2'] },
  apiVersion: { texts: ['2019-03-31', '2021-10-01', '2025-07-01-preview'] },
  attestation: { texts: ['device-key', 'group-key', 'device-key'] },
  groupKeyFile: { texts: ['/a.key', '/b.key', '/c.key'] },
  groupKeyVariable: { texts: ['A_KEY', 'B_KEY', 'C_KEY'] },
  secondaryKeyFile: { texts: ['/a.key', '/b.key', '/c.key'], beside: { groupKeyFile: '/p.key' } },
  secondaryKeyVariable: { texts: ['A_KEY', 'B_KEY', 'C_KEY'], beside: { groupKeyFile: '/p.key' } },
  certDir: { texts: ['/a', '/b', '/c'], beside: { attestation: 'x509' } },
  certPattern: {
    texts: ['{registration_id}.a', 'b{registration_id}', 'c/{registration_id}'],
    beside: { attestation: 'x509', certDir: '/d' },
  },
  keyPattern: {
    texts: ['{registration_id}.a', 'b{registration_id}', 'c/{registration_id}'],
    beside: { attestation: 'x509', certDir: '/d' },
  },
  issuerCertFile: { texts: ['/a', '/b', '/c'], beside: { attestation: 'x509', issuerKeyFile: '/k' } },
  issuerKeyFile: { texts: ['/a', '/b', '/c'], beside: { attestation: 'x509', issuerCertFile: '/k' } },
  fleet: { texts: ['/a.csv', '/b.csv', '/c.csv'] },
  delimiter: { texts: [';', 'tab', '|'] },
  header: { texts: ['false', 'true', 'false'] },
  onBadRow: { texts: ['skip', 'stop', 'skip'] },
  csvFor: { texts: ['excel', 'plain', 'excel-semicolon'] },
  exactDuplicates: { texts: ['keep-first', 'reject', 'keep-first'] },
  map: { texts: ['registration_id=A', 'registration_id=B\ngroup=C', 'group=D'] },
  concurrency: { texts: ['1', '20', 'auto'] },
  rate: { texts: ['1/s', '2/min', '3/h'] },
  stages: { texts: ['1/s:1m', '2/min:1m30s:ramp,0:5s', '0:1s,3/h:2h'] },
  batches: { texts: ['1/1s', '200/1m', '3/1h30m'] },
  atOnce: { texts: ['true', 'false', 'true'] },
  quota: { texts: ['off', '1000/min', '5/s'] },
  quotaShare: { texts: ['50%', '100%', '0.5%'] },
  hubs: { texts: ['a=S1:1', 'a=S1:2,b-c.d=S3:10', 'a=S2:200'] },
  governor: { texts: ['on', 'off', 'on'] },
  canary: { texts: ['0', '1', '20'] },
  onOutage: { texts: ['ignore', 'hold', 'ignore'] },
  outageMax: { texts: ['1s', '2m', '3h'] },
  workers: { texts: ['1', '2', '3'] },
  agents: { texts: ['1', '2', '3'] },
  localAgent: { texts: ['region=a', 'region=a@127.0.0.2', 'region=a,zone=1\nregion=b'] },
  agentsWithin: { texts: ['1s', '2m', '1h'] },
  agentsMin: { texts: ['1', '2', '3'] },
  limit: { texts: ['1', '2', '3'] },
  pinBy: { texts: ['region', 'region=Site', 'zone'], beside: { agents: '2' } },
  duration: { texts: ['1s', '2m', '3h'] },
  rounds: { texts: ['1', '2', '3'] },
  allocationPolicy: { texts: ['weighted', 'custom', 'lowest-latency'], beside: { allocationExpected: 'a=1' } },
  allocationExpected: { texts: ['a=1', 'a=2,b=1', 'a=0.5,b=0'] },
  allocationGroups: { texts: ['x: a=1', 'x: a=1\ny: b=2', 'z: a'] },
  allocationRegions: { texts: ['x: a=1', 'x: a=2,b=1', 'x: a'], beside: { region: 'x' } },
  allocationByRow: { texts: ['true', 'false', 'true'] },
  allocationAsRun: { texts: ['/a', '/b', '/c'] },
  allocationTolerance: { texts: ['1%', '2.5%', '10%'], beside: { allocationExpected: 'a=1' } },
  allocationConfidence: { texts: ['90%', '95%', '99.9%'], beside: { allocationExpected: 'a=1' } },
  reprovision: { texts: ['migrate', 'reset', 'never'] },
  moved: { texts: ['0%', '25%', '100%'] },
  region: { texts: ['a', 'b', 'c d'] },
  hubCheck: { texts: ['connect', 'telemetry', 'twin'] },
  hubCheckShare: { texts: ['5%', 'all', '0.5%'], beside: CHECKED },
  hubConnectTo: { texts: ['127.0.0.1:1', 'h:65535', '[::1]:8884'], beside: { ...SERVICE, ...CHECKED } },
  hubConnectionsPerSecond: { texts: ['1', '50', '6000'], beside: CHECKED },
  hubConnections: { texts: ['1', '2', '10000'], beside: CHECKED },
  hubAttempts: { texts: ['1', '2', '3'], beside: CHECKED },
  hubIdentityWait: { texts: ['0s', '2m', '1h'], beside: CHECKED },
  hubConnectTimeout: { texts: ['1s', '2m', '1h'], beside: CHECKED },
  hubAnswerTimeout: { texts: ['1s', '2m', '1h'], beside: CHECKED },
  hubCheckDuration: { texts: ['1s', '2m', '3h'], beside: CHECKED },
  hubAllowedHosts: { texts: ['.a.example', '.a.example,.b', '.azure-devices.net'], beside: CHECKED },
  leftBehind: { texts: ['true', 'false', 'true'] },
  exclude: { texts: ['/a', '/b', '/c'] },
  only: { texts: ['/a.csv', '/b.csv', '/c.csv'] },
  expect: { texts: ['new', 'existing', 'any'] },
  maxSurprises: { texts: ['0', '1', '2'] },
  attempts: { texts: ['1', '2', '3'] },
  deadline: { texts: ['1s', '2m', '3h'] },
  requestRetries: { texts: ['1', '2', '3'] },
  polls: { texts: ['1', '2', '3'] },
  connectTimeout: { texts: ['1s', '2s', '3s'] },
  responseTimeout: { texts: ['1s', '2s', '3s'] },
  pollDelay: { texts: ['1s', '2s', '3s'] },
  pollDelayMin: { texts: ['1s', '2s', '3s'] },
  retryAfterMax: { texts: ['1s', '2s', '3s'] },
  retryDelayBase: { texts: ['1s', '2s', '3s'] },
  retryDelayMax: { texts: ['11s', '12s', '13s'] },
  conflictDelayMin: { texts: ['1s', '2s', '3s'] },
  conflictDelayMax: { texts: ['11s', '12s', '13s'] },
  retryInvalidCertificate: { texts: ['true', 'false', 'true'] },
  threshold: { texts: ['throttles < 1\np95(service) < 3s', 'rate(failed) < 0.1% abort', 'hub_share("a…") > 45%'] },
  metricsPort: { texts: ['0', '9464', '65535'] },
  logFile: { texts: ['/a.log', '/b.log', '/c.log'] },
  allowLimited: { texts: ['true', 'false', 'true'] },
  out: { texts: ['/a', '/b', '/c'] },
  seed: { texts: ['0', '2', '4294967295'] },
  serviceConnectionFile: { texts: ['/a.txt', '/b.txt', '/c.txt'] },
  operationsPerMinute: { texts: ['1', '1000', '1000000'] },
  operationsShare: { texts: ['1%', '90%', '100%'] },
  generateKeys: { texts: ['true', 'false', 'true'] },
  iotHubs: { texts: ['a', 'b.c,D', 'e;f'] },
  hubPolicy: { texts: ['hashed', 'geoLatency', 'custom'] },
  webhookUrlFile: { texts: ['/a.txt', '/b.txt', '/c.txt'] },
  webhookApiVersion: { texts: ['2018-11-01', '2019-03-31', '2021-10-01'] },
  initialTwin: { texts: ['/a.json', '/b.json', '/c.json'] },
  reprovisioning: { texts: ['migrate', 'reset', 'never'] },
  enrollmentStatus: { texts: ['enabled', 'disabled', 'enabled'] },
  iotEdge: { texts: ['true', 'false', 'true'] },
};

/** A scenario with one setting, as an operator would write it. */
function scenarioWith(name: SettingName, text: string): string {
  const steps = settingNamed(name).key.split('.');
  const value =
    text.includes('=') && !['hubs', 'localAgent'].includes(name)
      ? `{ ${text.replaceAll('=', ': ').replace('\n', ', ')} }`
      : JSON.stringify(text);
  const leaf = name === 'emulator' ? '{}' : value;
  return `version: 1\n${steps.map((step, depth) => `${'  '.repeat(depth)}${step}:`).join('\n')} ${leaf}\n`;
}

describe.each(SETTING_NAMES)('the setting %s', (name) => {
  const { texts, beside = {} } = SAMPLES[name];
  const { notation } = settingNamed(name);
  const [flagText, variableText, scenarioText] = texts;

  it.each([
    0, 1, 2, 3, 4, 5, 6, 7,
  ])('comes from flag, environment, scenario, default in this order (sources %i)', (mask) => {
    const sources = { flag: (mask & 1) !== 0, environment: (mask & 2) !== 0, scenario: (mask & 4) !== 0 };
    const isTargetGiven = beside.host !== undefined || beside.idScope !== undefined;
    const isTarget = ['host', 'emulator'].includes(name);
    const others = { fleet: 'f.csv', ...(isTargetGiven || isTarget ? {} : { emulator: 'true' }), ...beside };
    const besides = Object.fromEntries(Object.entries(others).filter(([other]) => other !== name));
    const flags: ScenarioInput['flags'] = { ...besides, ...(sources.flag ? { [name]: flagText } : {}) };
    const environment = {
      ...{ A_KEY: KEY, B_KEY: KEY, C_KEY: KEY, DPSLOAD_GROUP_KEY: isTargetGiven ? KEY : '' },
      ...(sources.environment ? { [variableOf(name)]: variableText } : {}),
    };
    const work = (): ResolvedScenario =>
      resolve({ flags, environment, ...(sources.scenario ? { text: scenarioWith(name, scenarioText) } : {}) });
    const isNeeded = ['host', 'idScope', 'fleet', 'emulator', 'issuerCertFile', 'issuerKeyFile'].includes(name);
    if (mask === 0 && isNeeded) return expect(work).toThrow();
    const { values, origins } = work();
    const source = sources.flag
      ? 'flag'
      : sources.environment
        ? 'environment'
        : sources.scenario
          ? 'scenario'
          : 'default';
    expect(origins[name].source).toBe(source);
    if (source === 'default' && settingNamed(name).default === null) return;
    const text = { flag: flagText, environment: variableText, scenario: scenarioText, default: '' }[source];
    const expected = source === 'default' ? { value: settingNamed(name).default } : notation.read(text);
    expect({ value: values[name] }).toEqual(expected);
  });

  it('is refused with the name of its source and what is allowed, when it cannot be read', async () => {
    const flag = settingNamed(name).flag === null ? 'the argument FLEET.csv' : longFlag(name);
    for (const [source, input] of [
      [variableOf(name), { environment: { [variableOf(name)]: '\0' } }],
      [flag, { flags: { [name]: '\0' } }],
    ] as const) {
      const { problems } = await operatorError(() => resolve(input));
      const found = problems.filter(({ message }) => message.startsWith(`${source} "\\u0000" `));
      expect(found.map(({ remedy }) => remedy)).toEqual([notation.remedy]);
    }
  });
});

describe('limits that protect a service', () => {
  const SERVICE_LOAD = { quota: { perMinute: 1000, share: 0.75 }, governor: true, canaryPerGroup: 20 };
  const LOOPBACK_LOAD = { quota: null, governor: false, canaryPerGroup: 0 };
  const loadOf = (flags: ScenarioInput['flags']) => resolve({ flags: { fleet: 'f.csv', ...flags } }).scenario.load;

  it.each([
    ['global.azure-devices-provisioning.net', SERVICE_LOAD],
    ['10.0.0.1', SERVICE_LOAD],
    ['localhost.example', SERVICE_LOAD],
    ['localhost', LOOPBACK_LOAD],
    ['127.0.0.1', LOOPBACK_LOAD],
    ['127.1.2.3', LOOPBACK_LOAD],
    ['::1', LOOPBACK_LOAD],
  ])('at %s: %j', (host, expected) => {
    expect(loadOf({ host, idScope: '0ne00000000', groupKeyFile: 'k' })).toMatchObject(expected);
  });

  it.each([
    [{ quota: '500/min' }, { quota: { perMinute: 500, share: 0.75 }, governor: true }],
    [{ quota: '500/min', governor: 'off' }, { governor: false }],
    [{ canary: '3' }, { canaryPerGroup: 3 }],
  ])('at the emulator, %j is what was asked for', (flags, expected) => {
    expect(loadOf({ emulator: 'true', ...flags })).toMatchObject(expected);
  });

  const REAL = { fleet: 'f.csv', host: 'h', idScope: '0ne00000000', groupKeyFile: 'k' };
  const REHEARSAL = { ...REAL, host: 'localhost' };
  const EMULATED = { fleet: 'f.csv', emulator: 'true' };

  it.each([
    [{}, []],
    [{ quota: 'off' }, [/no quota limits the run/]],
    [{ quota: 'off', atOnce: 'true' }, [/no quota limits the run/]],
    [{ governor: 'off' }, [/governor is off/]],
    [{ governor: 'off', quota: 'off', rate: '2000/min' }, [/no quota/, /governor is off/]],
  ])('%j at a service needs consent to %j', (flags, expected) => {
    const { scenario } = resolve({ flags: { ...REAL, ...flags } });
    const risks = loadRisks(scenario);
    expect(risks).toHaveLength(expected.length);
    expected.forEach((pattern, index) => {
      expect(risks[index]).toMatch(pattern);
    });
    expect(loadRisks(resolve({ flags: { ...EMULATED, ...flags } }).scenario)).toEqual([]);
  });

  const FITS = [
    {},
    { rate: '750/min' },
    { rate: '751/min', quotaShare: '76%' },
    { rate: '900/min', quotaShare: '90%' },
    { rate: '1000/min', quotaShare: '100%' },
    { rate: '29/min', quota: '100/min', quotaShare: '29%' },
    { stages: '10/s:1m' },
    // The busiest minute has room for this burst.
    { stages: '50/s:5s' },
    { batches: '750/1m' },
    { rate: '2000/min', quota: 'off' },
    { atOnce: 'true', quota: 'off' },
    { atOnce: 'false' },
  ];
  const EXCEEDS: readonly (readonly [Record<string, string>, RegExp])[] = [
    [
      { rate: '751/min' },
      /^--rate asks for 751 registrations a minute, .* share of the quota is 750 a minute \(75% of 1,000\)$/,
    ],
    [{ rate: '900/min', quota: '1000/min' }, /asks for 900 .* 750 a minute/],
    [{ rate: '2/s', quotaShare: '10%' }, /asks for 120 .* 100 a minute \(10% of 1,000\)/],
    [{ stages: '10/s:1m,50/s:1m:ramp' }, /^--stages asks for/],
    [{ batches: '751/1m' }, /^--batches asks for 751/],
    [{ atOnce: 'true' }, /^--at-once asks for the whole fleet at once/],
    [{ rate: '30/min', quota: '100/min', quotaShare: '29%' }, /asks for 30 .* 29 a minute/],
  ];

  it.each(FITS)('%j is within the share of the quota, at every target', (flags) => {
    for (const target of [REAL, REHEARSAL, EMULATED]) {
      const { scenario } = resolve({ flags: { ...target, quota: '1000/min', ...flags } });
      const { quota } = scenario.load;
      expect(meteredPerMinute(scenario)).toBe(quota === null ? null : quota.perMinute * quota.share);
    }
  });

  it.each(EXCEEDS)('%j exceeds the share: an error with its remedies, at every target', async (flags, message) => {
    for (const target of [REAL, REHEARSAL, EMULATED]) {
      const error = await operatorError(() => resolve({ flags: { ...target, quota: '1000/min', ...flags } }));
      expect([error.kind, error.problems.length]).toEqual(['usage', 1]);
      expect(error.problems[0]?.message).toMatch(message);
      expect(error.problems[0]?.remedy).toContain('--quota off');
    }
    // The default: a quota for a real service alone.
    if ('quota' in flags) return;
    await operatorError(() => resolve({ flags: { ...REAL, ...flags } }));
    expect(resolve({ flags: { ...EMULATED, ...flags } }).scenario.load.quota).toBeNull();
  });

  it('a rehearsal with a quota is refused exactly when the run at a real service is, with the same words', async () => {
    const rate = fc.integer({ min: 1, max: 2_000 }).map((perMinute) => `${perMinute}/min`);
    const share = fc.integer({ min: 1, max: 100 }).map((percent) => `${percent}%`);
    const refusal = (flags: Record<string, string>): string | null => {
      try {
        resolve({ flags });
        return null;
      } catch (error) {
        return (error as Error).message;
      }
    };
    fc.assert(
      fc.property(rate, rate, share, (asked, quota, quotaShare) => {
        const flags = { rate: asked, quota, quotaShare };
        const refused = refusal({ ...REAL, ...flags });
        expect(refusal({ ...EMULATED, ...flags })).toBe(refused);
        expect(refusal({ ...REHEARSAL, ...flags })).toBe(refused);
        const [perMinute, of, percent] = [asked, quota, quotaShare].map(Number.parseFloat) as [number, number, number];
        expect(refused !== null).toBe(perMinute * 100 > of * percent);
      }),
      { numRuns: 50 },
    );
  });

  it('names the place in the scenario file, and waits for a quota that can be read', async () => {
    const text = 'version: 1\nload:\n  rate: 900/min\n  quota: 1000/min\n';
    const error = await operatorError(() => resolve({ flags: EMULATED, text }));
    expect(error.problems).toMatchObject([
      { file: 'd/s.yaml', line: 3, message: expect.stringMatching(/^load.rate asks/) },
    ]);
    const unreadable = await operatorError(() => resolve({ flags: { ...REAL, rate: '900/min', quota: 'much' } }));
    expect(unreadable.problems.map(({ message }) => message)).toEqual([expect.stringContaining('"much"')]);
  });

  it('at a loopback target would be these at a real service', () => {
    const real = (flags: Record<string, string>) => loadAtRealHost(resolve({ flags: { ...EMULATED, ...flags } }));
    expect(real({})).toMatchObject({ quota: { perMinute: 1000, share: 0.75 }, governor: true, canaryPerGroup: 20 });
    expect(real({ quota: 'off', canary: '3' })).toMatchObject({ quota: null, governor: true, canaryPerGroup: 3 });
    expect(real({ governor: 'off', quotaShare: '50%' })).toMatchObject({ quota: { share: 0.5 }, governor: false });
    expect(excessOf(real({ rate: '900/min' }))).toMatch(/asks for 900/);
    expect(excessOf(real({ rate: '600/min' }))).toBeNull();
  });

  it('allow one shape of the load', async () => {
    const { problems } = await operatorError(() => loadOf({ emulator: 'true', rate: '1/s', atOnce: 'true' }));
    expect(problems.map(({ message }) => message)).toEqual(['more than one load shape given: --rate, --at-once']);
  });
});

describe('defaults', () => {
  it('are those of the table, and of the policy', () => {
    const { scenario } = resolve({ flags: { fleet: 'f.csv', emulator: 'true' }, cores: 8 });
    expect(scenario).toEqual({
      name: null,
      target: { kind: 'emulator', configFile: null, throwAway: true },
      caFile: null,
      transport: 'mqtt',
      mqttClient: 'dpsload',
      nameResolution: { cacheMs: 30_000, pinned: [] },
      tls: TLS_CHOICES_DEFAULT,
      apiVersion: '2021-06-01',
      attestation: { kind: 'group-key', key: null, groups: {}, secondary: NO_KEYS },
      fleet: { file: 'f.csv', delimiter: null, header: true, columns: {} },
      onBadRow: 'stop',
      exactDuplicates: 'reject',
      load: {
        concurrency: 100,
        shape: { kind: 'closed' },
        workers: 7,
        rowsMax: null,
        durationMs: null,
        rounds: 1,
        quota: null,
        hubs: null,
        governor: false,
        canaryPerGroup: 0,
        onOutage: 'hold',
        outageMaxMs: 900_000,
      },
      agents: null,
      selection: { excludeRun: null, onlyFile: null },
      expectation: { devices: 'any', surprisesMax: 10 },
      registration: REGISTRATION_POLICY_DEFAULT,
      allocation: null,
      hubCheck: null,
      region: null,
      notes: {},
      breakdowns: [],
      csvFor: 'plain',
      listsLeftBehind: false,
      out: 'results',
      thresholds: [],
      allowLimited: false,
      metricsPort: null,
      logFile: null,
      seed: 1,
    });
  });

  it.each([
    [{}, 8, 100, 7],
    [{}, 1, 100, 1],
    [{}, 2, 100, 1],
    [{ rate: '900/min' }, 4, 150, 3],
    [{ rate: '1000/min' }, 4, 167, 3],
    [{ rate: '1/h' }, 64, 1, 1],
    [{ rate: '100000/s' }, 4, 25_000, 3],
    [{ stages: '5/s:1m,20/s:1m:ramp,0:5s' }, 4, 200, 3],
    [{ atOnce: 'true' }, 4, 25_000, 3],
    [{ batches: '200/1m' }, 4, 400, 3],
    [{ batches: '200/4s' }, 4, 800, 3],
    [{ concurrency: 'auto', rate: '2/s' }, 4, 20, 3],
    [{ concurrency: '2' }, 8, 2, 2],
    [{ concurrency: '2', workers: '9' }, 8, 2, 2],
    [{ concurrency: '50', workers: '9' }, 2, 50, 9],
    [{ rate: '50/s', concurrency: '20' }, 8, 20, 7],
  ])('with %j and %d cores: %d in flight on %d workers', (flags, cores, concurrency, workers) => {
    const { load } = resolve({ flags: { fleet: 'f.csv', emulator: 'true', ...flags }, cores }).scenario;
    expect(load).toMatchObject({ concurrency, workers });
  });
});

describe('the target', () => {
  const instance = { host: 'h', idScope: '0ne00000000' };
  const inScenario = 'version: 1\ntarget: { host: h, idScope: 0ne00000000 }\n';
  const name = 'Give --emulator, or --host HOST with --id-scope SCOPE';
  const removeOne = 'Remove one of them from flags, environment and scenario: a run has exactly one target';
  it.each<[string, Parameters<typeof resolve>[0], string, remedy: string]>([
    ['none', {}, 'no target given', name],
    ['none, but a port', { flags: { port: '1' } }, 'no target given', name],
    [
      'emulator and host as flags',
      { flags: { emulator: 'true', ...instance } },
      'two targets: the emulator (--emulator) and a DPS instance (--host, --id-scope)',
      removeOne,
    ],
    [
      'emulator flag, host in the environment',
      { flags: { emulator: 'true' }, environment: { DPSLOAD_HOST: 'h' } },
      'two targets: the emulator (--emulator) and a DPS instance (DPSLOAD_HOST)',
      removeOne,
    ],
    [
      'emulator flag, instance in the scenario',
      { flags: { emulator: 'true' }, text: inScenario },
      'target.host (d/s.yaml:2:17)',
      removeOne,
    ],
    [
      'instance flags, emulator in the environment',
      { flags: instance, environment: { DPSLOAD_EMULATOR: '1' } },
      '(DPSLOAD_EMULATOR)',
      removeOne,
    ],
    [
      'instance flags, emulator in the scenario',
      { flags: instance, text: 'version: 1\ntarget: { emulator: {} }\n' },
      'target.emulator (d/s.yaml:2:21)',
      removeOne,
    ],
    ['both in the scenario', { text: 'version: 1\ntarget: { host: h, emulator: {} }\n' }, 'two targets', removeOne],
    [
      'emulator flag, ID scope in the environment',
      { flags: { emulator: 'true' }, environment: { DPSLOAD_ID_SCOPE: '0ne00000000' } },
      'two targets',
      removeOne,
    ],
    ['a host without an ID scope', { flags: { host: 'h' } }, '--host is given, but no ID scope', name],
    [
      'an ID scope without a host',
      { environment: { DPSLOAD_ID_SCOPE: '0ne00000000' } },
      'DPSLOAD_ID_SCOPE is given, but no host',
      name,
    ],
    [
      'a configuration without the emulator',
      { flags: { emulatorConfig: 'e.yaml' } },
      '--emulator-config is given, but the emulator is not the target',
      'Add --emulator',
    ],
    ['a configuration beside a host', { flags: { emulatorConfig: 'e.yaml', ...instance } }, 'two targets', removeOne],
    [
      'a port for the emulator',
      { flags: { emulator: 'true', port: '1' } },
      '--port does not apply to the embedded emulator',
      'Remove it',
    ],
    [
      'a bad scope',
      { flags: { host: 'h', idScope: 'nonsense' } },
      '--id-scope "nonsense" does not look like an ID scope',
      'Copy the whole ID scope again',
    ],
  ])('%s is refused', async (_, input, message, remedy) => {
    const environment = { DPSLOAD_GROUP_KEY: KEY, ...input.environment };
    const error = await operatorError(() =>
      resolve({ ...input, environment, flags: { fleet: 'f.csv', ...input.flags } }),
    );
    expect(error.kind).toBe('usage');
    expect(error.problems).toHaveLength(1);
    expect(error.message).toContain(message);
    expect(error.problems[0]?.remedy).toContain(remedy);
  });

  it('is the emulator, or one DPS instance, put together from any sources', () => {
    const environment = { DPSLOAD_GROUP_KEY: KEY, DPSLOAD_EMULATOR: 'false' };
    expect(resolve({ flags: { fleet: 'f' }, environment, text: inScenario }).scenario.target).toEqual({
      kind: 'service',
      host: 'h',
      port: 8883,
      idScope: '0ne00000000',
    });
    const text = 'version: 1\ntarget:\n  emulator:\n    config: e.yaml\n';
    expect(
      resolve({ flags: { fleet: 'f', emulator: 'true' }, environment: { DPSLOAD_GROUP_KEY: KEY }, text }).scenario
        .target,
    ).toEqual({
      kind: 'emulator',
      configFile: 'd/e.yaml',
      throwAway: false,
    });
  });
});

describe('the keys', () => {
  const instance = { fleet: 'f.csv', host: 'h', idScope: '0ne00000000' };
  const file = (name: string) => ({ kind: 'file', file: name });
  const variable = (name: string) => ({ kind: 'environment', variable: name });
  it.each<[string, ScenarioInput['flags'], Record<string, string>, string, unknown]>([
    ['a file as a flag', { groupKeyFile: 'a' }, {}, '', file('a')],
    ['a flag, stronger than the environment', { groupKeyFile: 'a' }, { DPSLOAD_GROUP_KEY: KEY }, '', file('a')],
    [
      'the environment, stronger than the scenario',
      {},
      { DPSLOAD_GROUP_KEY: KEY },
      'keyFile: b',
      variable('DPSLOAD_GROUP_KEY'),
    ],
    ['the environment’s file', {}, { DPSLOAD_GROUP_KEY_FILE: 'c' }, 'keyFile: b', file('c')],
    ['the scenario’s file, in its folder', {}, {}, 'keyFile: b', file('d/b')],
    ['the scenario’s variable', {}, { MY_KEY: KEY }, 'keyVariable: MY_KEY', variable('MY_KEY')],
    [
      'a flag, stronger than the scenario’s variable',
      { groupKeyFile: 'a' },
      { MY_KEY: KEY },
      'keyVariable: MY_KEY',
      file('a'),
    ],
  ])('may come from %s', (_, flags, environment, yaml, key) => {
    const text = `version: 1\nattestation: { ${yaml} }\n`;
    const { scenario } = resolve({ flags: { ...instance, ...flags }, environment, text });
    expect(scenario.attestation).toEqual({ kind: 'group-key', key, groups: {}, secondary: NO_KEYS });
  });

  it('of several groups are named in the scenario', () => {
    const text = 'version: 1\nattestation: { groups: { a: { keyFile: a.key }, b: { keyVariable: B_KEY } } }\n';
    const { scenario } = resolve({ flags: instance, environment: { B_KEY: KEY }, text });
    expect(scenario.attestation).toEqual({
      kind: 'group-key',
      key: null,
      groups: { a: file('d/a.key'), b: variable('B_KEY') },
      secondary: NO_KEYS,
    });
  });

  it('have secondary ones beside them where they are named, for all rows and for each group', () => {
    const text = `version: 1
attestation:
  secondaryKeyVariable: OLD_KEY
  groups: { a: { keyFile: a.key, secondaryKeyFile: old.key }, b: { keyVariable: B_KEY } }
`;
    const environment = { DPSLOAD_GROUP_KEY: KEY, B_KEY: KEY, OLD_KEY: KEY };
    const { scenario } = resolve({ flags: instance, environment, text });
    expect(scenario.attestation).toEqual({
      kind: 'group-key',
      key: variable('DPSLOAD_GROUP_KEY'),
      groups: { a: file('d/a.key'), b: variable('B_KEY') },
      secondary: { key: variable('OLD_KEY'), groups: { a: file('d/old.key') } },
    });
    const flags = { ...instance, secondaryKeyFile: 'x.key' };
    expect(resolve({ flags, environment, text }).scenario.attestation).toMatchObject({
      secondary: { key: file('x.key') },
    });
  });

  it.each<[string, ScenarioInput['flags'], Record<string, string>, string, string, remedy: string]>([
    ['none', {}, {}, '', 'no key given', 'Set DPSLOAD_GROUP_KEY, give --group-key-file FILE'],
    ['none that is known to be needed', { attestation: 'x50' }, {}, '', 'is not group-key', 'Write group-key'],
    [
      'a secondary one alone',
      { secondaryKeyFile: 'x' },
      {},
      '',
      'names a secondary key, but no primary key is given',
      'Set DPSLOAD_GROUP_KEY, give --group-key-file FILE',
    ],
    [
      'two secondary ones',
      {},
      { DPSLOAD_GROUP_KEY: KEY, B: KEY },
      'secondaryKeyFile: x, secondaryKeyVariable: B',
      'two secondary group keys',
      'Remove one of them',
    ],
    [
      'two secondary ones of a group',
      {},
      { B: KEY },
      'groups: { a: { keyFile: x, secondaryKeyFile: y, secondaryKeyVariable: B } }',
      'the enrollment group "a" has two secondary keys',
      'Give it either secondaryKeyFile or secondaryKeyVariable',
    ],
    [
      'two in the environment',
      {},
      { DPSLOAD_GROUP_KEY: KEY, DPSLOAD_GROUP_KEY_FILE: 'x' },
      '',
      'two group keys: DPSLOAD_GROUP_KEY_FILE and DPSLOAD_GROUP_KEY',
      'Remove one of them',
    ],
    ['two in the scenario', {}, { A: KEY }, 'keyFile: x, keyVariable: A', 'two group keys', 'Remove one of them'],
    [
      'a variable that is not set',
      {},
      {},
      'keyVariable: MY_KEY',
      'd/s.yaml:2:29: attestation.keyVariable names the environment variable "MY_KEY", which is not set',
      'Set it to the base64 key',
    ],
    [
      'a group without one',
      {},
      {},
      'groups: { a: {} }',
      'd/s.yaml:2:29: the enrollment group "a" has no key',
      'Give it either keyFile or keyVariable',
    ],
    [
      'a group with two',
      {},
      { A: KEY },
      'groups: { a: { keyFile: x, keyVariable: A } }',
      'the enrollment group "a" has two keys',
      'Give it either keyFile or keyVariable',
    ],
    [
      'a group’s variable that is not set',
      {},
      {},
      'groups: { a: { keyVariable: A } }',
      '"A", which is not set',
      'Set it to the base64 key',
    ],
    [
      'one for device-key',
      { attestation: 'device-key', groupKeyFile: 'a' },
      {},
      '',
      'attestation device-key does not use group keys',
      'Remove the group key, or use --attestation group-key',
    ],
    [
      'groups for device-key',
      { attestation: 'device-key' },
      {},
      'groups: { a: { keyFile: x } }',
      'attestation device-key does not use group keys',
      'Remove the group key, or use --attestation group-key',
    ],
  ])('%s: refused', async (_, flags, environment, yaml, message, remedy) => {
    const text = `version: 1\nattestation: { ${yaml} }\n`;
    const error = await operatorError(() => resolve({ flags: { ...instance, ...flags }, environment, text }));
    expect(error.problems).toHaveLength(1);
    expect(error.message).toContain(message);
    expect(error.problems[0]?.remedy).toContain(remedy);
  });

  it('are needed for an emulator with a configuration, unless one is to be made for the run', async () => {
    const flags = { fleet: 'f', emulator: 'true', emulatorConfig: 'e.yaml' };
    const error = await operatorError(() => resolve({ flags }));
    expect(error.problems).toHaveLength(1);
    for (const remedy of ['Set DPSLOAD_GROUP_KEY', 'DPSLOAD_THROW_AWAY=true', 'throwAway: true']) {
      expect(error.problems[0]?.remedy).toContain(remedy);
    }
    expect(() => resolve({ flags, environment: { DPSLOAD_THROW_AWAY: 'true' } })).not.toThrow();
  });

  it('are not needed for the emulator, nor the one of the environment for device-key', () => {
    expect(() => resolve({ flags: { fleet: 'f', emulator: 'true' } })).not.toThrow();
    const flags = { ...instance, attestation: 'device-key' };
    expect(resolve({ flags, environment: { DPSLOAD_GROUP_KEY: KEY } }).scenario.attestation).toEqual({
      kind: 'device-key',
    });
  });
});

describe('what belongs together', () => {
  it.each<[ScenarioInput['flags'], Record<string, string>, string]>([
    [{}, {}, 'no fleet given'],
    [
      { fleet: 'f', header: 'false', map: 'registration_id=A' },
      {},
      '--map names columns of a CSV that has no header (--no-header)',
    ],
    [{ fleet: 'f' }, { DPSLOAD_RETRY_DELAY_BASE: '2m' }, 'retryDelayBase is longer than retryDelayMax'],
    [{ fleet: 'f' }, { DPSLOAD_CONFLICT_DELAY_MAX: '1ms' }, 'conflictDelayMin is longer than conflictDelayMax'],
    [
      { fleet: 'f' },
      { DPSLOAD_CONCURENCY: '1' },
      'unknown environment variable "DPSLOAD_CONCURENCY". Rename it to DPSLOAD_CONCURRENCY',
    ],
    [{ fleet: 'f' }, { DPSLOAD_QUOTE: '1' }, 'unknown environment variable "DPSLOAD_QUOTE"'],
  ])('%j with %j is refused', async (flags, environment, message) => {
    const error = await operatorError(() => resolve({ flags: { emulator: 'true', ...flags }, environment }));
    expect(error.problems).toHaveLength(1);
    expect(error.message).toContain(message);
  });
});

describe('a run on agents', () => {
  it.each([
    ['has as many workers as they have slots', {}, { count: 3, withinMs: 60_000, min: 1, workers: null, pinBy: null }],
    ['or as many as are asked for', { workers: '6' }, { count: 3, withinMs: 60_000, min: 1, workers: 6, pinBy: null }],
    ['waits for them', { agentsWithin: '5s' }, { count: 3, withinMs: 5_000, min: 1, workers: null, pinBy: null }],
    [
      'pins rows',
      { pinBy: 'region=Site' },
      { count: 3, withinMs: 60_000, min: 1, workers: null, pinBy: { label: 'region', column: 'Site' } },
    ],
    [
      'needs no more than it has',
      { agentsMin: '9' },
      { count: 3, withinMs: 60_000, min: 3, workers: null, pinBy: null },
    ],
  ])('%s', (_, flags, agents) => {
    const given = { fleet: 'f.csv', ...SERVICE, agents: '3', ...flags };
    const { scenario } = resolve({ flags: given, environment: { DPSLOAD_GROUP_KEY: KEY, DPSLOAD_REDIS: 'redis://r' } });
    expect(scenario.agents).toEqual({ ...agents, local: null });
  });

  it('can start them on its own machine', () => {
    const text = 'version: 1\nload: { localAgents: [region=a, region=b@127.0.0.2], pinBy: region }\n';
    const { scenario } = resolve({ flags: { fleet: 'f.csv', emulator: 'true' }, environment: {}, text });
    const local = [
      { labels: { region: 'a' }, address: null },
      { labels: { region: 'b' }, address: '127.0.0.2' },
    ];
    expect(scenario.agents).toMatchObject({ count: 2, min: 1, local, pinBy: { label: 'region' } });
  });

  it('starts none where others are to be met', () => {
    const given = { fleet: 'f.csv', emulator: 'true', agents: '2', localAgent: 'region=a' };
    expect(() => resolve({ flags: given, environment: {} })).toThrow(
      'more than one source of agents given: --agents, --local-agent. Remove all but one.',
    );
  });

  it('is needed to pin rows', () => {
    const given = { fleet: 'f.csv', emulator: 'true', pinBy: 'region' };
    expect(() => resolve({ flags: given, environment: {} })).toThrow(
      '--pin-by pins rows to agents, but the run has none. Give the number of agents as well (--agents N), or start them here (--local-agent).',
    );
  });
});
