import { describe, expect, it } from 'vitest';
import { preflight } from '../../src/preflight/first-device.ts';
import { OperatorError } from '../../src/problem/operator-error.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { ACCEPTED, type FakeConnection, failing, fakeConnections, inVirtualTime } from './fake-connections.ts';

const IDENTITY = {
  idScope: '0ne00111111',
  registrationId: 'dev-1',
  apiVersion: '2021-06-01',
  userAgent: 'dpsload/test',
  password: 'p',
  clientCertificate: null,
};

function run(...script: readonly FakeConnection[]) {
  const clock = new VirtualClock();
  const { open, openedAtMs, closed } = fakeConnections(clock, script);
  const result = inVirtualTime(clock, preflight('dps:8883', IDENTITY, open, clock));
  return { clock, openedAtMs, closed, result };
}

async function problemOf(...script: readonly FakeConnection[]) {
  const { clock, openedAtMs, result } = run(...script);
  const error = await result.catch((caught: unknown) => caught);
  if (!(error instanceof OperatorError)) throw new Error('no OperatorError');
  return { kind: error.kind, ...error.problems[0], openedAtMs, endedAtMs: clock.nowMs(), timers: clock.timers };
}

describe('the first connection', () => {
  it('reports how long each phase took, and hangs up', async () => {
    const { clock, result, closed, openedAtMs } = run(ACCEPTED);
    expect(await result).toEqual({ tcpMs: 5, tlsMs: 12, connackMs: 30, tlsVersion: null, failureCode: null });
    expect([openedAtMs, closed(), clock.timers]).toEqual([[0], 1, 0]);
  });

  it.each([
    'client-certificate',
    'connack-2',
    'connack-4',
    'connack-5',
  ] as const)('is not the target’s fault when it fails with %s', async (code) => {
    const { result, openedAtMs } = run(failing(code));
    expect(await result).toEqual({ tcpMs: 5, tlsMs: 12, connackMs: null, tlsVersion: null, failureCode: code });
    expect(openedAtMs).toHaveLength(1);
  });

  it.each([
    ['dns', 'Check the spelling of the host name'],
    ['tcp-refused', 'Check the host and port'],
    ['tls-unknown-ca', '--ca'],
    ['connack-1', 'MQTT 3.1.1'],
    ['closed', 'Lower the rate'],
  ] as const)('makes the target unreachable at once with %s', async (code, remedy) => {
    const found = await problemOf(failing(code));
    expect(found).toMatchObject({ kind: 'unreachable', message: expect.stringContaining(`failed with ${code}`) });
    expect(found.message).toContain('dps:8883');
    expect(found.remedy).toContain(remedy);
    expect(found.openedAtMs).toEqual([0]);
  });
});

describe('CONNACK 3', () => {
  it('may mean a busy front end: the next try a second later succeeds', async () => {
    const { result, openedAtMs } = run(failing('connack-3'), ACCEPTED);
    expect((await result).failureCode).toBeNull();
    expect(openedAtMs).toEqual([0, 47 + 1_000]);
  });

  it('three times means that the ID scope is unknown', async () => {
    const found = await problemOf(failing('connack-3'));
    expect(found).toMatchObject({ kind: 'unreachable', remedy: expect.stringContaining('Check the ID scope') });
    expect(found.openedAtMs).toEqual([0, 1_047, 2_094]);
    expect(found.timers).toBe(0);
  });
});

describe('a target that falls silent', () => {
  const SILENT: FakeConnection = { tcpAtMs: null, tlsAtMs: null, endAtMs: null, failure: null };

  it.each<[phase: string, FakeConnection, remedy: string]>([
    ['TCP', SILENT, 'outgoing TCP'],
    ['TLS', { ...SILENT, tcpAtMs: 5 }, 'speaks TLS'],
    ['CONNACK', { ...SILENT, tcpAtMs: 5, tlsAtMs: 17 }, 'Lower the rate'],
  ])('before %s is given up after 30 s', async (_, silence, remedy) => {
    const found = await problemOf(silence);
    expect(found).toMatchObject({ kind: 'unreachable', message: expect.stringContaining('no CONNACK within 30 s') });
    expect(found.remedy).toContain(remedy);
    expect([found.endedAtMs, found.timers]).toEqual([30_000, 0]);
  });
});
