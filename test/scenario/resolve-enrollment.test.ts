import { describe, expect, it } from 'vitest';
import { enrollmentRules, resolveEnrollment } from '../../src/scenario/read/resolve-enrollment.ts';
import { resolveScenario } from '../../src/scenario/read/resolve-scenario.ts';
import { operatorError } from '../support/fleet-file.ts';

const KEY = Buffer.alloc(32, 1).toString('base64');

function resolve(
  flags: Parameters<typeof resolveEnrollment>[0]['flags'],
  environment: Readonly<Record<string, string>> = {},
  text: string | null = null,
) {
  return resolveEnrollment({ flags, environment, scenarioFile: text === null ? null : { file: 'd/s.yaml', text } });
}

describe('the settings of enrollments', () => {
  it('come from flags, environment and a scenario, which a run takes too, and need no target', () => {
    const text =
      'version: 1\nenrollment:\n  iotHubs: [A.net, b.net]\n  allocationPolicy: hashed\n  initialTwinFile: twin.json\n  status: disabled\nserviceApi: { operationsShare: 50% }\n';
    const environment = {
      DPSLOAD_REPROVISIONING: 'reset',
      DPSLOAD_SERVICE_CONNECTION: 'HostName=x',
      DPSLOAD_GROUP_KEY: KEY,
    };
    const { values, attestation } = resolve({ enrollmentStatus: 'enabled' }, environment, text);
    expect(values).toMatchObject({
      ...{ iotHubs: ['a.net', 'b.net'], hubPolicy: 'hashed', initialTwin: 'd/twin.json', enrollmentStatus: 'enabled' },
      ...{ reprovisioning: 'reset', operationsShare: 0.5 },
    });
    expect(attestation).toMatchObject({ kind: 'group-key', key: { variable: 'DPSLOAD_GROUP_KEY' } });
    const flags = { emulator: 'true', fleet: 'f.csv' };
    expect(() =>
      resolveScenario({ flags, environment, scenarioFile: { file: 's.yaml', text }, cores: 4 }),
    ).not.toThrow();
  });

  it('say what each row must have', () => {
    expect(enrollmentRules(resolve({}).attestation)).toEqual({ keys: 'of-these-groups', groups: [] });
    expect(enrollmentRules(resolve({}, { DPSLOAD_GROUP_KEY: KEY }).attestation)).toEqual({ keys: 'for-every-row' });
    expect(enrollmentRules(resolve({ attestation: 'device-key' }).attestation)).toEqual({ keys: 'in-every-row' });
    expect(resolve({ generateKeys: 'true' }).attestation).toBeNull();
    expect(enrollmentRules(null)).toEqual({ keys: 'for-every-row' });
  });

  it.each([
    [
      { generateKeys: 'true' },
      { DPSLOAD_GROUP_KEY: KEY },
      '--generate-keys: the devices have keys derived from a group key already',
    ],
    [{ generateKeys: 'true', attestation: 'x509' }, {}, '--generate-keys: the devices have certificates already'],
    [{ webhookUrlFile: 'u.txt' }, {}, '--webhook-url-file: only the allocation policy custom calls a webhook'],
    [
      { attestation: 'x509', issuerCertFile: 'a', issuerKeyFile: 'b' },
      {},
      'certificates that are issued when a device registers cannot be enrolled one by one',
    ],
    [{}, { DPSLOAD_SERVICE_CONECTION: 'x' }, 'unknown environment variable "DPSLOAD_SERVICE_CONECTION"'],
  ])('are refused where they contradict each other: %j %j', async (flags, environment, message) => {
    const { problems } = await operatorError(() => resolve(flags, environment as Readonly<Record<string, string>>));
    expect(problems.map((one) => one.message)).toEqual([message]);
  });
});
