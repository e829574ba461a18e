import { describe, expect, it } from 'vitest';
import { ServiceClient } from '../../src/service-api/service-client.ts';
import { ServiceError } from '../../src/service-api/service-error.ts';
import { ServiceRequests } from '../../src/service-api/service-requests.ts';
import { EmulatedServiceApi, type Fate, SERVICE_CONNECTION } from '../support/emulated-service-api.ts';
import { inVirtualTime } from '../support/in-virtual-time.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** A client of a service with these fates, one for each request in turn; then every request is answered. */
function clientOf(fates: readonly Fate[], operationsPerMinute = 60_000) {
  const clock = new VirtualClock();
  const service = new EmulatedServiceApi({ clock, fateOf: (_, ordinal) => fates[ordinal] ?? 'answer' });
  const requests = new ServiceRequests({
    connection: SERVICE_CONNECTION,
    exchange: service.exchange,
    clock,
    operationsPerMinute,
    nextRandom: () => 0,
    userAgent: 'test',
  });
  const client = new ServiceClient(requests);
  const run = <Value>(work: (client: ServiceClient) => Promise<Value>): Promise<Value> =>
    inVirtualTime(clock, work(client));
  return { clock, service, requests, run };
}

const ENTRY = { registrationId: 'dev-1', attestation: { type: 'symmetricKey' } } as const;

const errorOf = (work: Promise<unknown>): Promise<ServiceError> =>
  work.then(
    () => expect.unreachable(),
    (error) => error,
  );

describe('pace', () => {
  it('starts no more requests in a minute than it may, whoever asks, and makes up for no pause', async () => {
    const { service, run, clock } = clientOf([], 90);
    await run(async (client) => {
      await Promise.all(Array.from({ length: 100 }, (_, index) => client.find('enrollments', `dev-${index}`)));
      await new Promise<void>((resolve) => clock.wakeAt(clock.nowMs() + 300_000, resolve));
      await Promise.all(Array.from({ length: 100 }, (_, index) => client.find('enrollments', `dev-${index}`)));
    });
    const times = service.arrivedMs;
    const most = Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + 60_000).length));
    expect([times.length, most]).toEqual([200, 90]);
  });

  it('holds every request back while the service throttles one', async () => {
    const { service, run, requests } = clientOf(['answer', 'throttle']);
    await run((client) => Promise.all([1, 2, 3, 4].map((n) => client.find('enrollments', `dev-${n}`))));
    await run((client) => Promise.all([5, 6].map((n) => client.find('enrollments', `dev-${n}`))));
    const late = service.arrivedMs.filter((atMs) => atMs > 100);
    expect(late).toHaveLength(3);
    expect(Math.min(...late)).toBeGreaterThanOrEqual(7_000);
    expect(requests.troubles).toEqual({ throttled: 1, failed: 0 });
  });
});

describe('tries', () => {
  it('survives two minutes without an answer, and gives up after that', async () => {
    const failing = Array<Fate>(100).fill('fail');
    const patient = clientOf(['answer', ...failing]);
    const error = await errorOf(
      patient.run(async (client) => {
        await client.find('enrollments', 'dev-1');
        await client.find('enrollments', 'dev-1');
      }),
    );
    expect(error).toMatchObject({ status: 500, errorCode: 500_000, isTransient: true, mayRepeat: true });
    expect(patient.clock.nowMs()).toBeGreaterThan(120_000);
  });

  it('soon gives up where nothing ever answered, and knows that nothing was sent', async () => {
    const { run, clock } = clientOf(Array<Fate>(100).fill('refuse-connection'));
    const error = await errorOf(run((client) => client.put('enrollments', 'dev-1', ENTRY, null)));
    expect(error).toMatchObject({ status: null, mayRepeat: false });
    expect(clock.nowMs()).toBeLessThan(10_000);
  });

  it.each<[Fate, boolean]>([
    ['throttle', false],
    ['refuse-connection', false],
    ['fail', true],
    ['cut', true],
    ['carried-out', true],
  ])('says after %s whether the write may have been carried out: %s', async (fate, mayRepeat) => {
    const { run, service } = clientOf([fate]);
    const written = await run((client) => client.put('enrollments', 'dev-1', ENTRY, null).catch((error) => error));
    expect(written.mayRepeat).toBe(mayRepeat);
    const isDone = fate === 'cut' || fate === 'carried-out';
    expect(written instanceof ServiceError ? written.status : 200).toBe(isDone ? 409 : 200);
    expect(service.writes).toEqual(['create dev-1']);
  });

  it('does not try again what the service refuses', async () => {
    const { run, service } = clientOf(['forbid']);
    const error = await errorOf(run((client) => client.find('enrollments', 'dev-1')));
    expect(error).toMatchObject({ status: 401, isTransient: false, message: 'Unauthorized (tracking ID track-1)' });
    expect(service.arrivedMs).toHaveLength(1);
  });

  it('has its messages without a full stop, which follows', () => {
    const text = '{"errorCode":401002,"trackingId":"track-1","message":"Unauthorized."}';
    expect(ServiceError.of({ status: 401, headers: {}, text }, false).message).toBe(
      'Unauthorized (tracking ID track-1)',
    );
  });

  it('renews its token before the hour is over', async () => {
    const { run, clock } = clientOf([], 1);
    await run(async (client) => {
      for (let hour = 0; hour < 3; hour++) {
        await client.find('enrollments', 'dev-1');
        clock.advanceTo(clock.nowMs() + 3_599_000);
      }
    });
  });
});

describe('ServiceClient', () => {
  it('reads every page of a query, and only those', async () => {
    const { run, service } = clientOf([]);
    for (let n = 0; n < 1_001; n++) service.plant(`dev-${n}`, { registrationId: `dev-${n}` });
    const sizes = await run(async (client) => {
      const pages: number[] = [];
      for await (const page of client.all('enrollments')) pages.push(page.length);
      return pages;
    });
    expect(sizes).toEqual([1_000, 1]);
  });

  it('says that there was an entry when an earlier try deleted it', async () => {
    const { run, service } = clientOf(['cut']);
    service.plant('dev-1', {});
    expect(await run((client) => client.delete('enrollments', 'dev-1', null))).toBe(true);
    expect(await run((client) => client.delete('enrollments', 'dev-1', null))).toBe(false);
    expect(service.writes).toEqual(['delete dev-1']);
  });

  it('tells a service from a web page', async () => {
    const clock = new VirtualClock();
    const exchange = async () => ({ status: 200, headers: {}, text: '<html>' });
    const options = { clock, exchange, operationsPerMinute: 60, nextRandom: () => 0, userAgent: 'test' };
    const client = new ServiceClient(new ServiceRequests({ connection: SERVICE_CONNECTION, ...options }));
    const error = await errorOf(inVirtualTime(clock, client.find('enrollments', 'dev-1')));
    expect(error.message).toContain('is this the service API of a DPS instance?');
  });
});
