import { expect, it } from 'vitest';
import { defaultInstance } from '../../src/emulator/config/default-instance.ts';
import { startEmulator } from '../../src/emulator/start-emulator.ts';
import { emulatedInstance, ID_SCOPE, individualEnrollment, OTHER_KEY } from '../support/emulated-instance.ts';

const REMEDY = 'Give the complete base64 key, as the DPS instance shows it.';

it.each([
  ['not-base64!', 'is not base64 (4-character groups of A-Z a-z 0-9 + / with = padding)'],
  ['', 'is empty'],
  ['c2hvcnQ=', 'decodes to 5 bytes; keys have 16 to 64 bytes'],
])('the library refuses the group key %j, with what is wrong and what to do', async (groupKey, reason) => {
  const starting = startEmulator({ instances: [defaultInstance(ID_SCOPE, groupKey)] });
  await expect(starting).rejects.toThrow(`the primary key of enrollment group "default" ${reason}. ${REMEDY}`);
});

it('the library names every unusable key, and quotes none', async () => {
  const attestation = { kind: 'symmetricKey', primaryKey: OTHER_KEY, secondaryKey: 'half-a-secret' } as const;
  const individualEnrollments = [individualEnrollment({ registrationId: 'dev-1', attestation })];
  const starting = startEmulator({ instances: [emulatedInstance({ individualEnrollments })] });
  const error = await starting.catch((thrown: unknown) => thrown);
  expect(String(error)).toContain('the secondary key of individual enrollment "dev-1" is not base64');
  expect(String(error)).not.toContain('half-a-secret');
});
