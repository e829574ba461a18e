import { expect } from 'vitest';
import { NO_QUOTAS, type Quotas, type RateLimit } from '../../../src/emulator/service/quotas.ts';
import { emulatedInstance, OTHER_KEY } from '../../support/emulated-instance.ts';
import { choice, type FactGroup, right, rightUnless } from './fact.ts';
import { TimedService } from './timed-service.ts';

/** Those of the service. Most facts hold as well for a hundredth of its register requests, which takes less time. */
function serviceQuotas(algorithm: RateLimit['algorithm'] = 'token-bucket', limit = 10): Quotas {
  return {
    register: { algorithm, limit, perMs: 60_000 },
    pollPerDevice: { algorithm, limit: 5, perMs: 10_000 },
    serviceOperations: null,
    retryAfterSeconds: 5,
  };
}

const limited = (quotas: Partial<Quotas> = {}) =>
  new TimedService({ instance: { quotas: { ...serviceQuotas(), ...quotas } } });

/** Answers to so many register requests of some devices, at once. */
function registersOf(service: TimedService, count: number) {
  const devices = ['a', 'b', 'c'].map((id) => service.device(id));
  return Array.from({ length: count }, (_, n) => (devices[n % devices.length] as (typeof devices)[number]).register());
}

const accepted = (answers: readonly { readonly status: number }[]) =>
  answers.filter(({ status }) => status === 202).length;

export const throttlingFacts: FactGroup = {
  title: 'Quotas and throttling',
  sources:
    'articles/iot-dps includes iot-dps-limits.md; AD concepts-deploy-at-scale.md, how-to-troubleshoot-dps.md; azure-iot-sdk-c PR#1703; tests of azure-iot-middleware-freertos',
  facts: [
    choice(
      [
        'quota-register',
        '5 D',
        'Register requests are limited to 1,000 a minute for the instance, if the configuration asks for it',
      ],
      'a target for load tests has no limit by default',
      'quotas.register',
      () => {
        expect(accepted(registersOf(limited(serviceQuotas('token-bucket', 1_000)), 1_010))).toBe(1_000);
        expect(accepted(registersOf(new TimedService(), 1_010))).toBe(1_010);
      },
    ),
    choice(
      ['quota-poll', '5 D', 'Polls are limited to 5 in 10 s for each device, if the configuration asks for it'],
      'as register requests',
      'quotas.pollPerDevice',
      () => {
        const service = limited();
        const [a, b] = [service.device('a'), service.device('b')];
        const { operationId } = a.register().json;
        expect([1, 2, 3, 4, 5, 6].map(() => a.poll(operationId).status)).toEqual([202, 202, 202, 202, 202, 429]);
        expect(b.poll(b.register().json.operationId).status).toBe(202);
      },
    ),
    right('quota-separate', '5 D', 'The two budgets are separate: polls take nothing from register requests', () => {
      const service = limited();
      const device = service.device('a');
      const { operationId } = device.register().json;
      for (let n = 0; n < 20; n += 1) device.poll(operationId);
      expect(accepted(registersOf(service, 20))).toBe(9);
    }),
    right(
      'quota-429',
      '4.2 D',
      'Beyond: 429, 429001 "Operations are being throttled for this tenant.", with an empty tracking ID',
      () => {
        const { status, json } = registersOf(limited(), 11).at(-1) ?? {};
        const message = 'Operations are being throttled for this tenant.';
        expect(status).toBe(429);
        expect(json).toMatchObject({ errorCode: 429001, message, trackingId: '' });
      },
    ),
    choice(
      ['quota-retry-after', 'D5', 'The retry-after of a 429 is 5 s'],
      'its value is unknown; it may be left out, or exact',
      'quotas.retryAfter',
      () => {
        const told = ([5, null, 'exact'] as const).map(
          (retryAfterSeconds) => registersOf(limited({ retryAfterSeconds }), 11).at(-1)?.retryAfterSeconds,
        );
        expect(told).toEqual([5, null, 6]);
      },
    ),
    choice(
      ['quota-window', '5', 'Budgets are token buckets, full at the start'],
      'how the service counts is unknown',
      'quotas.algorithm',
      () => {
        const through = (['token-bucket', 'fixed-window', 'sliding-window'] as const).map((algorithm) => {
          const service = limited(serviceQuotas(algorithm));
          registersOf(service, 10);
          service.nowMs += 30_000;
          return accepted(registersOf(service, 10));
        });
        expect(through).toEqual([5, 0, 0]);
      },
    ),
    right('quota-first', 'D5 I', 'The budget is checked before the credentials', () => {
      const service = limited();
      registersOf(service, 10);
      expect(service.device('thief', { key: OTHER_KEY }).register().status).toBe(429);
    }),
    right(
      'quota-open',
      '4.1 I',
      'After a 429 the connection stays open, and a later request is accepted',
      async (bench) => {
        const register = { algorithm: 'token-bucket', limit: 1, perMs: 20 } as const;
        const at = { instances: [emulatedInstance({ quotas: { ...NO_QUOTAS, register } })] };
        const device = await bench.subscribed('quota-open', { at });
        const statuses = new Set<number>();
        for (let n = 0; n < 200 && statuses.size < 2; n += 1) statuses.add((await device.register()).status);
        expect([...statuses].sort()).toEqual([202, 429]);
        await expect.poll(async () => (await device.register()).status).toBe(202);
      },
    ),
    choice(
      ['quota-registrations', '5 D', 'The limit of a million registrations is not enforced'],
      'the error code is unknown',
      null,
      () => {
        expect(JSON.stringify(Object.keys(NO_QUOTAS))).not.toContain('registrations');
      },
    ),
    rightUnless(
      'linkedHubs.identityLimit',
      [
        'quota-identities',
        '5 I',
        'A hub creates identities at a limited rate, which lengthens `assigning`; unlimited by default',
      ],
      () => {
        const identityLimit = { algorithm: 'token-bucket', limit: 100, perMs: 60_000 } as const;
        const linkedHubs = [
          { hostName: 'slow.azure-devices.net', weight: 1, applyAllocationPolicy: true, identityLimit },
        ];
        const service = new TimedService({ instance: { linkedHubs } });
        const devices = ['a', 'b'].map((id) => service.device(id));
        const ids = devices.map((device) => device.register().json.operationId);
        const statuses = () => devices.map((device, n) => device.poll(ids[n]).status);
        service.nowMs += 300;
        expect(statuses()).toEqual([200, 202]);
        service.nowMs += 600;
        expect(statuses()).toEqual([200, 200]);
      },
    ),
  ],
};
