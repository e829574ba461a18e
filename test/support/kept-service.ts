import type { EnrollmentGroup, LinkedHub } from '../../src/emulator/service/dps-instance.ts';
import { ENROLLMENT_DEFAULTS, linkedHubSchema } from '../../src/emulator/service/dps-instance.ts';
import { ProvisioningService } from '../../src/emulator/service/provisioning-service.ts';
import { SERVICE_BEHAVIOR_DEFAULT } from '../../src/emulator/service/service-behavior.ts';
import type { StateLine } from '../../src/emulator/service/state-kind.ts';
import { emulatedInstance, GROUP_KEY, individualEnrollment } from './emulated-instance.ts';

export const WEBHOOK_HUBS = ['hub-a.azure-devices.net', 'hub-b.azure-devices.net'] as const;

const HUBS: readonly LinkedHub[] = WEBHOOK_HUBS.map((hostName) =>
  linkedHubSchema.parse({ hostName, identityLimit: '600/min' }),
);

const settings = { ...ENROLLMENT_DEFAULTS, kind: 'group' } as const;

const attestation = { kind: 'symmetricKey', primaryKey: GROUP_KEY, secondaryKey: null } as const;

/** With the webhook, the group of the instance asks one where its devices go. */
export function keptInstance(webhook: boolean) {
  const custom: EnrollmentGroup = {
    ...settings,
    enrollmentGroupId: 'asks',
    attestation,
    allocationPolicy: 'custom',
    customAllocationDefinition: { webhookUrl: 'http://webhook/', apiVersion: '2021-10-01' },
  };
  const hashed: EnrollmentGroup = { ...settings, enrollmentGroupId: 'Hashed', attestation, initialTwin: { tags: {} } };
  return emulatedInstance({
    linkedHubs: HUBS,
    enrollmentGroups: [webhook ? custom : hashed],
    individualEnrollments: [individualEnrollment({ registrationId: 'Own', deviceId: 'Device', initialTwin: { a: 1 } })],
  });
}

/** A service whose changes are told to `changes`. */
export function keptService(webhook: boolean, changes: StateLine[] | null = null): ProvisioningService {
  let guids = 0;
  return new ProvisioningService({
    instances: [keptInstance(webhook)],
    behavior: { ...SERVICE_BEHAVIOR_DEFAULT, assignmentDelayMs: 0 },
    newGuid: () => `00000000-0000-4000-8000-${String(guids++).padStart(12, '0')}`,
    changes,
  });
}
