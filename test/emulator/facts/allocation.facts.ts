import { expect } from 'vitest';
import { allocate } from '../../../src/emulator/service/allocation.ts';
import type { DpsInstance, EnrollmentGroup, LinkedHub } from '../../../src/emulator/service/dps-instance.ts';
import { emulatedInstance } from '../../support/emulated-instance.ts';
import { choice, type FactGroup, right, rightUnless } from './fact.ts';

const hub = (hostName: string, weight = 1, applyAllocationPolicy = true): LinkedHub => ({
  hostName,
  weight,
  applyAllocationPolicy,
  identityLimit: null,
});

const DEVICES = 2_000;
const LATENCY_REGIONS = [
  { sourceAddresses: ['127.0.1.*'], registrationIds: [], latenciesMs: { a: 20, b: 90 } },
  { sourceAddresses: [], registrationIds: ['tie-*'], latenciesMs: { a: 50, b: 50 } },
];

type Setting = { readonly group?: Partial<EnrollmentGroup>; readonly instance?: Partial<DpsInstance> };

/** Devices by hub. */
function shares({ group = {}, instance = {} }: Setting, prefix = 'dev', sourceAddress = '::1'): Record<string, number> {
  const linkedHubs = [hub('a'), hub('b'), hub('reserve', 1, false)];
  const whole = emulatedInstance({ linkedHubs, latencyRegions: LATENCY_REGIONS, ...instance });
  const enrollment = { ...(whole.enrollmentGroups[0] as EnrollmentGroup), ...group };
  const counts: Record<string, number> = {};
  for (let n = 0; n < DEVICES; n += 1) {
    const name = allocate(whole, enrollment, { key: `${prefix}-${n}`, sourceAddress })?.hostName ?? 'none';
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

const hubs = (...given: Parameters<typeof shares>) => Object.keys(shares(...given)).sort();

export const allocationFacts: FactGroup = {
  title: 'Allocation policies',
  sources: 'AD how-to-use-allocation-policies.md; SPEC',
  facts: [
    right(
      'hash-weights',
      '6.4 D',
      'Evenly weighted: the share of a hub is its weight, 1 to 1000, over the sum of the weights',
      () => {
        const counts = shares({ instance: { linkedHubs: [hub('a', 1), hub('b', 3)] } });
        // Five standard deviations.
        expect(Math.abs((counts['b'] ?? 0) - 0.75 * DEVICES)).toBeLessThan(5 * Math.sqrt(DEVICES * 0.75 * 0.25));
      },
    ),
    right('hash-default', '6.4 D', 'It is the default of an instance', () => {
      expect(hubs({})).toEqual(['a', 'b']);
    }),
    right('hash-stable', '6.4 D', 'The same device gets the same hub while the candidates stay', async (bench) => {
      const assigned = [await bench.assigned('hash-stable'), await bench.assigned('HASH-STABLE')];
      const [first, second] = assigned.map(({ body }) => body.registrationState.assignedHub);
      expect([first, first]).toEqual([expect.stringMatching(/^emulated-hub-[123]\.azure-devices\.net$/), second]);
    }),
    choice(
      ['hash-function', '6.4', 'The hash is a weighted rendezvous hash: with a further hub, devices move to it alone'],
      'that of the service is not documented',
      null,
      () => {
        const [two, three] = [
          [hub('a'), hub('b')],
          [hub('a'), hub('b'), hub('c')],
        ].map((linkedHubs) => shares({ instance: { linkedHubs } }));
        expect(three?.['a']).toBeLessThan(two?.['a'] ?? 0);
        expect((three?.['a'] ?? 0) + (three?.['b'] ?? 0) + (three?.['c'] ?? 0)).toBe(DEVICES);
      },
    ),
    right('latency', '6.4 D', 'Lowest latency: the nearest hub', () => {
      expect(hubs({ group: { allocationPolicy: 'geoLatency' } }, 'dev', '127.0.1.7')).toEqual(['a']);
    }),
    right('latency-tie', '6.4 D', 'The hash decides between hubs that are equally near', () => {
      expect(hubs({ group: { allocationPolicy: 'geoLatency' } }, 'tie')).toEqual(['a', 'b']);
    }),
    choice(
      [
        'latency-method',
        '6.4',
        'Latencies are given, by regions of source addresses or registration IDs; in no region, the hash decides',
      ],
      'the service measures them',
      'latencyRegions',
      () => {
        expect(hubs({ group: { allocationPolicy: 'geoLatency' } }, 'nowhere')).toEqual(['a', 'b']);
      },
    ),
    right('static', '6.4 D', 'Static: the hub that the enrollment names', () => {
      expect(hubs({ group: { allocationPolicy: 'static', iotHubs: ['b'] } })).toEqual(['b']);
    }),
    right('static-one', '6.4 D', 'Static needs exactly one hub', () => {
      expect(hubs({ group: { allocationPolicy: 'static' } })).toEqual(['none']);
    }),
    rightUnless(
      'linkedHubs.applyAllocationPolicy',
      [
        'hub-not-applied',
        '6.4 D',
        'A hub to which the policy does not apply is left out, unless the enrollment names it',
      ],
      () => {
        expect([hubs({}), hubs({ group: { iotHubs: ['a', 'reserve'] } })]).toEqual([
          ['a', 'b'],
          ['a', 'reserve'],
        ]);
      },
    ),
    right('enrollment-hubs', '6.1 D', 'An enrollment may name the hubs between which its policy decides', () => {
      expect(hubs({ group: { iotHubs: ['a'] } })).toEqual(['a']);
    }),
    right('policy-override', '6.4 D', "The enrollment's policy overrides that of the instance", () => {
      const instance = { allocationPolicy: 'geoLatency' } as const;
      expect(hubs({ instance }, 'dev', '127.0.1.7')).toEqual(['a']);
      expect(hubs({ instance, group: { allocationPolicy: 'hashed' } }, 'dev', '127.0.1.7')).toEqual(['a', 'b']);
    }),
  ],
};
