import { describe, expect, it } from 'vitest';
import { scenarioKeys } from '../../src/scenario/read/print-scenario.ts';
import { resolveScenario } from '../../src/scenario/read/resolve-scenario.ts';
import { RESUMABLE_SETTINGS, resumeScenario } from '../../src/scenario/read/resume-scenario.ts';
import { operatorError } from '../support/fleet-file.ts';

const KEY = Buffer.alloc(32, 1).toString('base64');
const KEYS = { DPSLOAD_GROUP_KEY: KEY };

type Texts = Readonly<Record<string, string>>;

const SERVICE = { fleet: 'fleet.csv', host: 'h.example', idScope: '0ne00111111' };

function settingsOf(flags: Texts, environment: Texts = KEYS, scenario: string | null = null) {
  const scenarioFile = scenario === null ? null : { file: 'd/s.yaml', text: scenario };
  const resolved = resolveScenario({ flags, environment, scenarioFile, cores: 4 });
  // As run.json holds them.
  return { settings: JSON.parse(JSON.stringify(scenarioKeys(resolved))) as object, scenario: resolved.scenario };
}

const resumed = (settings: object, flags: Texts = {}, environment: Texts = KEYS, cores = 4) =>
  resumeScenario({ file: 'run/run.json', settings, flags, environment, cores }).scenario;

describe('the settings of a resumed run', () => {
  it.each<[string, Texts, string | null]>([
    ['a service', { ...SERVICE, rate: '600/min', limit: '10', expect: 'new', threshold: 'rate(failed) < 1%' }, null],
    ['stages', { ...SERVICE, stages: '10/s:1m,0:30s' }, null],
    ['batches', { ...SERVICE, batches: '200/1m' }, null],
    ['a key file', { ...SERVICE, groupKeyFile: 'a.key' }, null],
    ['an emulator', { fleet: 'fleet.csv', emulator: 'true' }, null],
    [
      'groups',
      SERVICE,
      'version: 1\nattestation: { groups: { a: { keyFile: a.key }, b: { keyVariable: B_KEY } } }\nname: night\n',
    ],
  ])('are those of the run: %s', (_, flags, scenario) => {
    const environment = { ...KEYS, B_KEY: KEY };
    const run = settingsOf(flags, environment, scenario);
    const { fleet, attestation, out, ...rest } = run.scenario;
    const again = resumed(run.settings, {}, environment);
    expect(again).toMatchObject(rest);
    // From any folder.
    expect(again.fleet.file).toBe(`${process.cwd()}/fleet.csv`);
    expect(again.attestation.kind).toBe(attestation.kind);
    expect(resumed(scenarioKeysOf(run.settings), {}, environment)).toEqual(again);
    expect([fleet.file, out]).toEqual(['fleet.csv', 'results']);
  });

  it('are not changed by what the environment says now, but for the keys', () => {
    const { settings } = settingsOf(SERVICE);
    const environment = {
      ...KEYS,
      DPSLOAD_HOST: 'other.example',
      DPSLOAD_ID_SCOPE: '0ne00999999',
      DPSLOAD_RATE: '5/s',
      DPSLOAD_SCENARIO: 'none.yaml',
    };
    const scenario = resumed(settings, {}, environment);
    expect(scenario.target).toMatchObject({ host: 'h.example', idScope: '0ne00111111' });
    expect(scenario.load.shape).toEqual({ kind: 'closed' });
  });

  it('find the key where it was: neither another one, nor none', async () => {
    const ofFile = settingsOf({ ...SERVICE, groupKeyFile: '/keys/a.key' }, {});
    expect(resumed(ofFile.settings, {}, KEYS).attestation).toMatchObject({
      key: { kind: 'file', file: '/keys/a.key' },
    });
    const error = await operatorError(async () => resumed(settingsOf(SERVICE).settings, {}, {}));
    expect(error.message).toContain('DPSLOAD_GROUP_KEY');
  });

  it.each<[Texts, Texts, object]>([
    [{ rate: '12/s' }, { rate: '10/s' }, { shape: { kind: 'rate', ratePerSecond: 10 }, concurrency: 100 }],
    [{ rate: '12/s', concurrency: '7' }, { rate: '10/s' }, { concurrency: 7 }],
    [{ rate: '12/s', concurrency: '7' }, { concurrency: 'auto' }, { concurrency: 120 }],
    [{ rate: '12/s' }, { atOnce: 'true', quota: 'off' }, { shape: { kind: 'at-once' } }],
    [{ stages: '10/s:1m' }, { batches: '5/1s' }, { shape: { kind: 'batches', size: 5, everyMs: 1_000 } }],
    [{ limit: '10' }, { limit: '20' }, { rowsMax: 20 }],
    [{ quota: '1000/min' }, { quotaShare: '50%' }, { quota: { perMinute: 1000, share: 0.5 } }],
    [{}, { workers: '3', canary: '0', governor: 'off' }, { workers: 3, canaryPerGroup: 0, governor: false }],
    [{ atOnce: 'true', quota: 'off' }, { rate: '10/s' }, { onOutage: 'hold' }],
    [{ rate: '10/s' }, { atOnce: 'true', quota: 'off' }, { onOutage: 'ignore' }],
    [{ rate: '10/s', onOutage: 'hold' }, { atOnce: 'true', quota: 'off' }, { onOutage: 'hold' }],
    [{ host: '127.0.0.1' }, {}, { governor: false }],
    [{ host: '127.0.0.1' }, { quota: '1000/min' }, { governor: true }],
  ])('%j with %j', (given, flags, load) => {
    expect(resumed(settingsOf({ ...SERVICE, ...given }).settings, flags).load).toMatchObject(load);
  });

  it.each<[Texts, Texts, object]>([
    [{ localAgent: 'region=a' }, {}, { count: 1, local: [{ labels: { region: 'a' }, address: null }] }],
    [{ localAgent: 'region=a' }, { agents: '2' }, { count: 2, local: null }],
    [{ agents: '2' }, { localAgent: 'region=a' }, { count: 1, local: [{}] }],
  ])('with agents %j, changed by %j', (given, flags, agents) => {
    expect(resumed(settingsOf({ ...SERVICE, ...given }).settings, flags).agents).toMatchObject(agents);
  });

  it('may not exceed the share of the quota, which only --quota off lifts', async () => {
    const { settings } = settingsOf({ ...SERVICE, rate: '10/s' });
    for (const flags of [{ rate: '13/s' }, { quotaShare: '50%' }, { atOnce: 'true' }]) {
      const error = await operatorError(async () => resumed(settings, flags));
      expect(error.message).toMatch(/share of the quota/);
      expect(resumed(settings, { ...flags, quota: 'off' }).load.quota).toBeNull();
    }
  });

  it('have as many workers as the machine has cores for, where nobody said how many', () => {
    const { settings } = settingsOf(SERVICE);
    expect(resumed(settings, {}, KEYS, 9).load.workers).toBe(8);
  });

  it('leave no way to another device, target or identity', () => {
    const fixed = [
      'fleet',
      'host',
      'idScope',
      'port',
      'emulator',
      'apiVersion',
      'attestation',
      'map',
      'rounds',
      'only',
    ];
    expect(RESUMABLE_SETTINGS.filter((name) => fixed.includes(name))).toEqual([]);
  });
});

/** Settings that went through a resumed run. */
function scenarioKeysOf(settings: object): object {
  const environment = { ...KEYS, B_KEY: KEY };
  return scenarioKeys(resumeScenario({ file: 'run.json', settings, flags: {}, environment, cores: 4 }));
}
