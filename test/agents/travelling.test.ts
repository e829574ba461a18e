import { describe, expect, expectTypeOf, it } from 'vitest';
import type { FromAgent, Placement, ToAgent } from '../../src/agents/agent-messages.ts';
import { setupWithoutSecrets, withoutSecrets, withSecrets } from '../../src/agents/travelling.ts';
import type { AttestationKeys } from '../../src/attestation/attestation-keys.ts';
import type { Launch } from '../../src/registration/launch.ts';
import type { WorkerSetup } from '../../src/worker/worker-messages.ts';
import { GROUP_KEY } from '../support/group-key.ts';
import { launch } from '../support/launches.ts';
import { keySecret, leaks, pemSecret } from '../support/planted-secrets.ts';
import { createTestCa } from '../support/test-certificates.ts';

describe('what travels to an agent', () => {
  it('is a launch without its key, which the agent adds from its own copy of the fleet', () => {
    const whole = { ...launch(7, 1_500), group: 'line-a', payloadJson: '{"site":1}', deviceKey: GROUP_KEY };
    const travelling = JSON.stringify(withoutSecrets(whole));
    expect(leaks([keySecret('the key', GROUP_KEY)], 'the launch', Buffer.from(travelling))).toEqual([]);
    const keys = new Map([[whole.registrationId, GROUP_KEY]]);
    expect(withSecrets(JSON.parse(travelling), (id) => keys.get(id) ?? null)).toEqual(whole);
    expect(withSecrets(JSON.parse(travelling), () => null)).toEqual({ ...whole, deviceKey: null });
  });

  it('is a setup without keys; of a file of roots, only the certificates', async () => {
    const ca = await createTestCa();
    const keyPem = await ca.keyPem();
    const keys: AttestationKeys = {
      kind: 'group-key',
      defaultKey: GROUP_KEY,
      groups: { a: GROUP_KEY },
      secondary: { defaultKey: null, groups: {} },
    };
    const setup = { host: 'dps', keys, caPems: [`# roots\n${keyPem}\n${ca.certPem}`] } as unknown as WorkerSetup;
    const travelling = JSON.stringify(setupWithoutSecrets(setup));
    const secrets = [keySecret('the group key', GROUP_KEY), pemSecret('the key of the CA', keyPem)];
    expect(leaks(secrets, 'the setup', Buffer.from(JSON.stringify(setup)))).toHaveLength(2);
    expect(leaks(secrets, 'the setup', Buffer.from(travelling))).toEqual([]);
    expect(JSON.parse(travelling)).toEqual({ host: 'dps', caPems: [ca.certPem.trim()] });
  });

  it('has no place for a key in its types', () => {
    expectTypeOf<PlacesOfKeys<Launch>>().toEqualTypeOf<'deviceKey'>();
    expectTypeOf<PlacesOfKeys<WorkerSetup>>().toEqualTypeOf<'keys'>();
    expectTypeOf<PlacesOfKeys<Placement>>().toEqualTypeOf<never>();
    expectTypeOf<PlacesOfKeys<ToAgent>>().toEqualTypeOf<never>();
    expectTypeOf<PlacesOfKeys<FromAgent>>().toEqualTypeOf<never>();
  });
});

/** Members that hold keys, as `Launch` and `AttestationKeys` name them. */
type KeyMember = 'deviceKey' | 'keys' | 'defaultKey' | 'privateKeyPem' | 'issuer' | 'credentials' | 'password';

/** Those of a message, however deep, whose values are more than the names of files. */
type PlacesOfKeys<Message> = Message extends readonly (infer Item)[]
  ? PlacesOfKeys<Item>
  : Message extends object
    ? { [Name in keyof Message]-?: Name extends KeyMember ? Name : PlacesOfKeys<Message[Name]> }[keyof Message]
    : never;
