import { afterAll, beforeAll, expect, it } from 'vitest';
import type { IndividualEnrollmentBody } from '../../src/dps/service-api.ts';
import type { Emulator } from '../../src/emulator/emulator.ts';
import type { FaultRule } from '../../src/emulator/service/fault-rule.ts';
import { SERVICE_API_BEHAVIOR_DEFAULT } from '../../src/emulator/service/service-api-behavior.ts';
import { startEmulator } from '../../src/emulator/start-emulator.ts';
import { httpsExchange } from '../../src/service-api/https-exchange.ts';
import { ServiceClient } from '../../src/service-api/service-client.ts';
import { ServiceRequests } from '../../src/service-api/service-requests.ts';
import type { Clock } from '../../src/time/clock.ts';
import { hrtimeMs, systemClock } from '../../src/time/system-clock.ts';
import { emulatedInstance } from '../support/emulated-instance.ts';
import { faultRule } from '../support/fault-rules.ts';
import { connectionOf } from '../support/service-sdk.ts';

const strike = (registrationIds: string, fault: FaultRule['fault']): FaultRule =>
  faultRule(fault, { points: ['service-request'], timesPerDevice: 1, registrationIds });

let emulator: Emulator;
let requests: ServiceRequests;
let api: ServiceClient;
let close = (): void => {};

beforeAll(async () => {
  emulator = await startEmulator({
    servicePort: 0,
    serverKeys: 'ecdsa',
    behavior: { serviceApi: { ...SERVICE_API_BEHAVIOR_DEFAULT, pageItemsMax: 3 } },
    instances: [emulatedInstance({ individualEnrollments: [] })],
    faults: [
      strike('throttled', { kind: 'error-answer', errorCode: 429_001, retryAfterSeconds: 1 }),
      strike('unavailable', { kind: 'error-answer', errorCode: 503_000, retryAfterSeconds: null }),
      strike('cut', { kind: 'disconnect', when: 'before' }),
      strike('done-500', { kind: 'error-after-processing', errorCode: 500_000, retryAfterSeconds: null }),
      strike('done-cut', { kind: 'disconnect', when: 'after-puback' }),
    ],
  });
  const { port, host } = { port: emulator.servicePort ?? 0, host: '127.0.0.1' };
  const opened = httpsExchange({ host, port, address: null, caPems: [emulator.caPem], connections: 4 });
  close = opened.close;
  requests = new ServiceRequests({
    connection: connectionOf(emulator),
    exchange: opened.exchange,
    clock: impatientClock(),
    operationsPerMinute: 60_000,
    nextRandom: () => 0,
    userAgent: 'test',
  });
  api = new ServiceClient(requests);
});
afterAll(async () => {
  close();
  await emulator.close();
});

/** Waits for nothing. */
function impatientClock(): Clock {
  const { nowMs, epochMs, cpuMs, wakeAt } = systemClock(hrtimeMs());
  return { nowMs, epochMs, cpuMs, wakeAt: (_, wake) => wakeAt(0, wake) };
}

const enrollment = (registrationId: string): IndividualEnrollmentBody => ({
  registrationId,
  attestation: { type: 'symmetricKey' },
});

it.each([
  ['throttled', 'throttled'],
  ['unavailable', 'failed'],
  ['cut', 'failed'],
] as const)('the client tries again when a request is %s', async (id, trouble) => {
  const before = requests.troubles[trouble];
  const { body } = await api.put('enrollments', id, enrollment(id), null);
  expect(body.registrationId).toBe(id);
  expect(requests.troubles[trouble]).toBe(before + 1);
  expect(await api.delete('enrollments', id, body.etag ?? null)).toBe(true);
});

it.each(['done-500', 'done-cut'])('the client learns that what failed may have been carried out: %s', async (id) => {
  const written = api.put('enrollments', id, enrollment(id), null);
  await expect(written).rejects.toMatchObject({ status: 409, mayRepeat: true });
  expect((await api.attestation('enrollments', id))?.symmetricKey?.primaryKey).toHaveLength(88);
  expect(await api.delete('enrollments', id, null)).toBe(true);
  expect(await api.delete('enrollments', id, null)).toBe(false);
});

it('the client does a bulk, and pages through what there is', async () => {
  const ids = Array.from({ length: 10 }, (_, n) => `dev-${n}`);
  const { body, mayRepeat } = await api.bulk('create', ids.map(enrollment));
  expect([body.isSuccessful, mayRepeat]).toEqual([true, false]);
  const pages: string[][] = [];
  for await (const page of api.all('enrollments')) pages.push(page.map(({ registrationId }) => registrationId));
  expect(pages).toEqual([ids.slice(0, 3), ids.slice(3, 6), ids.slice(6, 9), ids.slice(9)]);
  expect(await api.find('enrollments', 'dev-10')).toBeNull();
  expect(await api.registration('dev-1')).toBeNull();
  expect(await api.deleteRegistration('dev-1')).toBe(false);
  for await (const page of api.registrationsOfGroup('default')) expect(page).toEqual([]);
});
