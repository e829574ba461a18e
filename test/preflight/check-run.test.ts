import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { surveyFleet } from '../../src/fleet/survey-fleet.ts';
import { type CheckReport, type CheckRequest, checkRun, type TargetProbes } from '../../src/preflight/check-run.ts';
import { keyFindings } from '../../src/preflight/key-findings.ts';
import { resolveScenario } from '../../src/scenario/read/resolve-scenario.ts';
import { fleetRulesOf } from '../../src/scenario/scenario.ts';
import { GROUP_KEYS } from '../support/group-key.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { ACCEPTED, failing, fakeConnections, inVirtualTime } from './fake-connections.ts';

const fleet = join(temporaryFolder(), 'fleet.csv');
const PROBE = { tcpMs: 5, tlsMs: 12, protocol: 'TLSv1.2', address: '10.0.0.1', chain: [], failure: null };

beforeAll(() => writeFileSync(fleet, 'registration_id\ndev-1\ndev-2\ndev-3\n'));

async function requestOf(
  flags: Readonly<Record<string, string>>,
  changes: Partial<CheckRequest>,
): Promise<CheckRequest> {
  const target = { host: 'dps.example', idScope: '0ne00111111', fleet };
  const environment = { DPSLOAD_GROUP_KEY: GROUP_KEYS.defaultKey };
  const resolved = resolveScenario({ flags: { ...target, ...flags }, environment, scenarioFile: null, cores: 2 });
  const { scenario } = resolved;
  const survey = await surveyFleet(scenario.fleet, fleetRulesOf(scenario));
  const selection = {
    rows: survey.rows,
    takes: () => true,
    canary: [],
    pins: { only: null, exclude: null },
    warnings: [],
  };
  return {
    scenario,
    survey,
    keys: GROUP_KEYS,
    caPems: [],
    allocation: null,
    slots: null,
    existingRecords: null,
    enrollmentCas: null,
    selection,
    userAgent: 'dpsload/test',
    ...changes,
  };
}

async function check(
  probes: Partial<Omit<TargetProbes, 'open'>> & { readonly connections?: Parameters<typeof fakeConnections>[1] } = {},
  flags: Readonly<Record<string, string>> = {},
  changes: Partial<CheckRequest> = {},
): Promise<CheckReport & { readonly opened: number; readonly registrationIds: readonly string[] }> {
  const clock = new VirtualClock();
  const { connections = [ACCEPTED], ...others } = probes;
  const { open, openedAtMs, identities } = fakeConnections(clock, connections);
  const target: TargetProbes = {
    lookUp: async () => ['10.0.0.1'],
    probeTls: async () => PROBE,
    clockSkewMs: async () => 0,
    ...others,
    open,
  };
  const report = await inVirtualTime(
    clock,
    checkRun(await requestOf(flags, changes), clock, async () => target),
  );
  return {
    ...report,
    opened: openedAtMs.length,
    registrationIds: identities.map(({ registrationId }) => registrationId),
  };
}

const found = ({ findings }: CheckReport, subject: string) => findings.find((finding) => finding.subject === subject);
const levels = ({ findings }: CheckReport) =>
  Object.fromEntries(findings.map(({ subject, level }) => [subject, level]));

describe('a target that can be used', () => {
  it('is good from its name to CONNECT, as the first device', async () => {
    const report = await check();
    expect(levels(report)).toMatchObject({ fleet: 'ok', dns: 'ok', tcp: 'ok', tls: 'ok', clock: 'ok', mqtt: 'ok' });
    expect(report.registrationIds).toEqual(['dev-1']);
    expect(found(report, 'mqtt')?.evidence).toBe('the service accepted the CONNECT of the first device in 30 ms');
    expect(found(report, 'fleet')?.evidence).toBe(`${fleet}: 3 rows, all valid and unique`);
  });

  it('remains so when it refuses only the first device', async () => {
    const report = await check({ connections: [failing('connack-5')] });
    expect(found(report, 'mqtt')).toMatchObject({ level: 'warning', remedy: expect.stringContaining('clock') });
    expect(report.opened).toBe(1);
  });
});

describe('a target that cannot be used', () => {
  it('has no address: nothing more is tried', async () => {
    const lookUp = () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }));
    const report = await check({ lookUp });
    expect(found(report, 'dns')).toMatchObject({
      level: 'problem',
      evidence: 'dps.example has no address (ENOTFOUND)',
    });
    expect([found(report, 'tcp'), report.opened]).toEqual([undefined, 0]);
  });

  it('fails TLS: no device connects', async () => {
    const failure = { code: 'tls-host-name', message: 'M' } as const;
    const report = await check({ probeTls: async () => ({ ...PROBE, failure }) });
    expect(levels(report)).toMatchObject({ tcp: 'ok', tls: 'problem' });
    expect([found(report, 'mqtt'), report.opened]).toEqual([undefined, 0]);
  });

  it('answers CONNACK 3 three times: the remedy names the ID scope', async () => {
    const report = await check({ connections: [failing('connack-3')] });
    expect(found(report, 'mqtt')).toMatchObject({ level: 'problem', remedy: expect.stringContaining('ID scope') });
    expect(report.opened).toBe(3);
  });

  it('falls silent: check gives up', async () => {
    const silent = { tcpAtMs: 5, tlsAtMs: null, endAtMs: null, failure: null };
    const { level, evidence } = found(await check({ connections: [silent] }), 'mqtt') ?? {};
    expect([level, evidence]).toEqual(['problem', expect.stringContaining('no CONNACK within 30 s')]);
  });
});

describe('what was not or badly measured', () => {
  it.each([
    [null, 'unknown'],
    [-4_000_000, 'problem'],
    [90_000, 'warning'],
  ])('a clock %s ms ahead: %s', async (skewMs, level) => {
    expect(found(await check({ clockSkewMs: async () => skewMs }), 'clock')?.level).toBe(level);
  });
});

describe('amounts and limits', () => {
  it('count the records that the run adds, and those that exist', async () => {
    const evidence = async (existingRecords: number | null) => {
      const { level, evidence: text } = found(await check({}, {}, { existingRecords }), 'records') ?? {};
      return [level, text];
    };
    expect(await evidence(null)).toEqual(['ok', 'adds 3 records (limit 1,000,000 an instance)']);
    expect(await evidence(950_000)).toEqual(['warning', 'adds 3 records to 950,000 (limit 1,000,000 an instance)']);
    expect(await evidence(999_999)).toEqual([
      'problem',
      'adds 3 records to 999,999 (limit 1,000,000 an instance): 2 too many',
    ]);
  });

  it('count the linked hubs, and say when they are unknown', async () => {
    const known = await check({}, { hubs: 'a=S1:1' });
    expect(found(known, 'hub devices')?.evidence).toBe('adds 3 devices to 1 hub (limit 1,000,000 a hub)');
    expect(found(await check(), 'hub identities')?.level).toBe('unknown');
  });

  it('give the binding limit, and the time that the run takes', async () => {
    const report = await check({}, { quota: '1/min', quotaShare: '50%', canary: '0' });
    expect(report.binding).toMatchObject({ name: 'quota', perMinute: 0.5, evidence: expect.stringMatching(/^50% of/) });
    expect([report.registrations, report.durationMs]).toEqual([3, 243_000]);
  });

  it('say when the last device of a storm starts, and warn of slots that make it no storm', async () => {
    const storm = { atOnce: 'true', quota: 'off', canary: '0', governor: 'on' };
    const choice = { slots: 3, wanted: 3, reason: 'every device at once', cut: null };
    const cut = { evidence: 'ulimit -n is 66', remedy: 'Raise the limit with ulimit -n 67' };
    const about = async (flags: object, slots: CheckRequest['slots']) => {
      const report = await check({}, { ...storm, ...flags }, { slots });
      return [report.lastLaunchMs, found(report, 'slots')];
    };
    const subject = 'slots';
    expect(await about({ concurrency: '3' }, choice)).toEqual([
      0,
      { level: 'ok', subject, evidence: '3: every device at once', remedy: null },
    ]);
    const evidence =
      '3 in flight wanted (every device at once), 2 possible: ulimit -n is 66; launches start up to 3.0 s late if a registration takes 3 s';
    expect(await about({ concurrency: '2' }, { ...choice, slots: 2, cut })).toEqual([
      3_000,
      { level: 'warning', subject, evidence, remedy: cut.remedy },
    ]);
    expect(await about({ concurrency: '1' }, null)).toEqual([
      6_000,
      expect.objectContaining({ level: 'warning', evidence: expect.stringMatching(/^1 slot is fewer .* 6.0 s late/) }),
    ]);
    expect(await about({ concurrency: '3' }, null)).toEqual([0, undefined]);
  });

  it('warn of stages that end before all devices are launched, and count what they launch', async () => {
    const warned = ({ findings }: CheckReport) =>
      findings.map(({ evidence }) => evidence).filter((text) => /^the stages/.test(text));
    const short = await check({}, { stages: '1/s:2s', canary: '0' });
    expect([short.registrations, warned(short)]).toEqual([2, ['the stages end after 2 of 3 registrations']]);
    expect(warned(await check({}, { stages: '1/s:3s', canary: '0' }))).toEqual([]);
  });

  it('warn of a load that asks for more than the quota allows', async () => {
    const report = await check({}, { rate: '100/s', quota: 'off' });
    expect(report.findings.filter(({ subject, level }) => subject === 'quota' && level === 'warning')).not.toEqual([]);
  });
});

describe('what this side gives', () => {
  it('passes on what the selection warns of', async () => {
    const { selection } = await requestOf({}, {});
    const report = await check({}, { rate: '1/s' }, { selection: { ...selection, warnings: ['only.csv names 1 ID'] } });
    expect(report.findings.filter(({ level }) => level === 'warning')).toEqual([
      { level: 'warning', subject: 'fleet', evidence: 'only.csv names 1 ID', remedy: expect.stringMatching(/--only/) },
    ]);
  });

  it('names every group key that nothing has proven', async () => {
    const keys = { ...GROUP_KEYS, groups: { 'line-a': GROUP_KEYS.defaultKey, 'line-b': GROUP_KEYS.defaultKey } };
    const { level, evidence } = found(await check({}, {}, { keys }), 'group keys') ?? {};
    expect([level, evidence]).toEqual([
      'unknown',
      expect.stringMatching(/^not proven for "line-a", "line-b", all other devices: only a registration/),
    ]);
    expect(keyFindings({ kind: 'device-key' })).toEqual([]);
  });

  it('has an output folder with room for journal and results', async () => {
    expect(levels(await check())).toMatchObject({ 'output folder': 'ok', 'disk space': 'ok' });
    const out = join(fleet, 'results');
    expect(found(await check({}, { out }), 'output folder')?.level).toBe('problem');
  });
});

it.each<[Readonly<Record<string, string>>, boolean]>([
  [{ concurrency: '2' }, true],
  [{ concurrency: '2', rate: '1/s' }, false],
  [{ concurrency: '2', limit: '2' }, false],
])('a load without a rate hides stalls, which is a warning with its remedy: %o', async (flags, isWarned) => {
  const { findings } = await check({}, flags);
  const found = findings.filter(({ evidence }) => evidence.includes('coordinated omission'));
  expect(found.map(({ level, remedy }) => [level, remedy])).toEqual(
    isWarned ? [['warning', 'Set --rate to measure the wait as devices would feel it']] : [],
  );
});
