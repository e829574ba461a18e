import { hash } from 'node:crypto';
import { z } from 'zod';
import { withoutNulls } from '../../dps/json-object.ts';
import { certificateText } from './certificate-text.ts';
import { ENROLLMENT_SETTINGS, type Enrollment } from './dps-instance.ts';
import { type EnrollmentEntry, isSame } from './enrollment-store.ts';
import { orElse } from './notation.ts';
import type { StateLine } from './state-kind.ts';

const attestation = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('symmetricKey'),
    primaryKey: z.string(),
    secondaryKey: z.string().nullable(),
  }),
  z.object({
    kind: z.literal('x509'),
    use: z.enum(['client', 'signing']),
    certificates: z.array(certificateText),
    caReferences: z.array(z.string()).exactOptional(),
  }),
  z.object({
    kind: z.literal('tpm'),
    endorsementKey: z.string(),
    storageRootKey: z.string().nullable(),
  }),
]);

/** Absent members are `null`. */
const settings = {
  ...ENROLLMENT_SETTINGS,
  attestation,
  iotHubs: z.array(z.string()),
  customAllocationDefinition: orElse(z.object({ webhookUrl: z.string(), apiVersion: z.string() }), null),
};

const enrollment = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('individual'),
    registrationId: z.string(),
    deviceId: orElse(z.string(), null),
    ...settings,
  }),
  z.object({ kind: z.literal('group'), enrollmentGroupId: z.string(), ...settings }),
]);

/** What there is under one ID, and what the configuration had there. */
export const enrollmentLine = z.object({
  kind: z.literal('enrollment'),
  idScope: z.string(),
  of: z.enum(['individual', 'group']),
  id: z.string(),
  /** Hash of what the configuration had; `null` = nothing. */
  configured: z.string().nullable(),
  /** Of the store. */
  revision: z.number(),
  /** `null` = it was deleted. */
  stored: z
    .object({
      /** `null` = as configured. */
      enrollment: enrollment.nullable(),
      revision: z.number(),
      createdInRevision: z.number(),
      createdAtMs: z.number(),
      lastUpdatedAtMs: z.number(),
    })
    .nullable(),
});

export type EnrollmentLine = z.output<typeof enrollmentLine>;

/** @param revision of the store */
export function enrollmentToLine(idScope: string, entry: EnrollmentEntry, revision: number): StateLine {
  const { of, id, configured, stored } = entry;
  const head = { kind: 'enrollment', idScope, of, id, configured: configuredHash(configured), revision };
  if (stored === null) return { ...head, stored: null } as StateLine;
  const { enrollment: own, ...stamps } = stored;
  return {
    ...head,
    stored: { enrollment: isSame(own, configured) ? null : withoutNulls(own), ...stamps },
  } as StateLine;
}

/** Tells whether the configuration still says the same. A hash, because a configuration never contains the keys that it names. */
export function configuredHash(configured: Enrollment | null): string | null {
  return configured === null ? null : hash('sha256', JSON.stringify(configured));
}
