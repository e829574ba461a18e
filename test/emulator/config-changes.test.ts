import { describe, expect, it } from 'vitest';
import { configChanges } from '../../src/emulator/config/config-changes.ts';
import { readConfigPatch } from '../../src/emulator/config/config-patch.ts';
import type { EmulatorConfig } from '../../src/emulator/config/read-emulator-config.ts';
import type { EnrollmentGroup } from '../../src/emulator/service/dps-instance.ts';
import { behaviorSchema, SERVICE_BEHAVIOR_DEFAULT } from '../../src/emulator/service/service-behavior.ts';
import { emulatedInstance, ID_SCOPE, individualEnrollment } from '../support/emulated-instance.ts';
import { faultRule } from '../support/fault-rules.ts';
import { operatorError } from '../support/fleet-file.ts';

const BEFORE: EmulatorConfig = {
  instances: [emulatedInstance()],
  behavior: SERVICE_BEHAVIOR_DEFAULT,
  faults: [],
  seed: 1,
};

const [GROUP] = emulatedInstance().enrollmentGroups as readonly [EnrollmentGroup];

describe('what has changed', () => {
  it('is nothing where the same is said again', () => {
    expect(configChanges(BEFORE, { ...BEFORE, instances: [emulatedInstance()] })).toEqual([]);
  });

  it('is told in one line for each kind', () => {
    const [first, ...others] = emulatedInstance().linkedHubs;
    const after = emulatedInstance({
      allocationPolicy: 'geoLatency',
      linkedHubs: [{ ...(first as NonNullable<typeof first>), weight: 7 }, ...others.slice(1)],
      enrollmentGroups: [
        { ...GROUP, provisioningStatus: 'disabled' },
        { ...GROUP, enrollmentGroupId: 'new' },
      ],
      individualEnrollments: [1, 2, 3, 4, 5].map((n) => individualEnrollment({ registrationId: `dev-${n}` })),
    });
    const changed = {
      instances: [after],
      behavior: { ...SERVICE_BEHAVIOR_DEFAULT, retryAfterSeconds: 0 },
      faults: [faultRule({ kind: 'outage' })],
      seed: 2,
    };
    expect(configChanges(BEFORE, changed)).toEqual([
      'allocation policy: changed',
      'linked hubs: emulated-hub-1.azure-devices.net changed; emulated-hub-2.azure-devices.net removed',
      'enrollment groups: new added; default changed',
      'individual enrollments: dev-1, dev-2, dev-3 and 2 more added; my-symkey-device removed',
      'behavior: retryAfter changed',
      'faults: 1: outage added',
      'seed: 2 added; 1 removed',
    ]);
  });

  it.each(Object.entries(SERVICE_BEHAVIOR_DEFAULT))('names %s as the configuration file does', (name, value) => {
    const [line = ''] = configChanges(BEFORE, {
      ...BEFORE,
      behavior: { ...SERVICE_BEHAVIOR_DEFAULT, [name]: [value] },
    });
    const told = /^behavior: (\w+) changed$/.exec(line)?.[1] ?? line;
    expect(Object.keys(behaviorSchema.in.shape)).toContain(told);
  });

  it('names the ID scope where there are several', () => {
    const other = emulatedInstance({ idScope: '0ne00222222', individualEnrollments: [], enrollmentGroups: [GROUP] });
    const both = [emulatedInstance(), other];
    const changed = [emulatedInstance(), { ...other, enrollmentGroups: [{ ...GROUP, iotHubs: ['a'] }] }];
    expect(configChanges({ ...BEFORE, instances: both }, { ...BEFORE, instances: changed })).toEqual([
      'enrollment groups: 0ne00222222/default changed',
    ]);
    expect(configChanges({ ...BEFORE, instances: both }, BEFORE)[0]).toBe('ID scopes: 0ne00222222 removed');
  });
});

describe('a change that comes over the network', () => {
  const patched = (patch: unknown) => readConfigPatch(JSON.stringify(patch), BEFORE);

  it('replaces the parts that it has, in the words of the file', () => {
    const linkedHubs = [{ hostName: 'new.azure-devices.net', weight: 5 }];
    const { instances, faults, behavior } = patched({
      instances: [{ idScope: ID_SCOPE, linkedHubs }],
      faults: [{ fault: 'lose-answer', share: '50%' }],
    });
    expect(instances).toMatchObject([
      { idScope: ID_SCOPE, linkedHubs: [{ weight: 5 }], enrollmentGroups: [GROUP], allocationPolicy: 'hashed' },
    ]);
    expect(faults).toMatchObject([{ fault: { kind: 'lose-answer' }, share: 0.5 }]);
    expect(behavior).toBeUndefined();
    expect(patched({ behavior: { retryAfter: '0s' } })).toMatchObject({ behavior: { retryAfterSeconds: 0 } });
    expect(patched({})).toEqual({});
  });

  it.each([
    [{ instances: [{ idScope: ID_SCOPE, enrollmentGroups: [] }] }, 'unknown key "enrollmentGroups"'],
    [{ instances: [{ idScope: ID_SCOPE, caCertificates: [{ name: 'a', file: '/etc/passwd' }] }] }, 'unknown key'],
    [{ instances: [{ idScope: '0ne00999999' }] }, 'instances.0.idScope is unknown'],
    [
      { instances: [{ idScope: ID_SCOPE, quotas: { register: 'many' } }] },
      'instances.0.quotas.register must be a rate',
    ],
    [{ faults: [{ fault: 'outrage' }] }, 'faults.0.fault names no fault'],
    [[], 'must be a mapping'],
  ])('is refused with the reason: %j', async (patch, reason) => {
    const { problems } = await operatorError(() => patched(patch));
    expect(problems).toMatchObject([{ file: 'request', message: expect.stringContaining(reason) }]);
  });

  it('is called JSON where it is none', async () => {
    const { problems } = await operatorError(() => readConfigPatch('{"instances": [', BEFORE));
    for (const { message, remedy } of problems)
      expect(`${message} ${remedy}`).toMatch(/not valid JSON: .* Correct the JSON$/);
    expect(problems.length).toBeGreaterThan(0);
  });

  it('is refused where it takes away a hub that an enrollment needs', async () => {
    const instances = [emulatedInstance({ enrollmentGroups: [{ ...GROUP, iotHubs: ['needed'] }] })];
    const patch = { instances: [{ idScope: ID_SCOPE, linkedHubs: [{ hostName: 'other' }] }] };
    const { problems } = await operatorError(() => readConfigPatch(JSON.stringify(patch), { ...BEFORE, instances }));
    expect(problems).toMatchObject([{ message: 'instances.0 lacks the hub needed, which enrollment default names' }]);
  });
});
