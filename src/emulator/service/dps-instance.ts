import type { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { HUB_TIERS, HUB_UNITS_MAX } from '../../dps/service-limits.ts';
import { choice, durationMs, issue, mapping, orElse, rate, trueOrFalse, wholeNumber } from './notation.ts';
import type { Quotas } from './quotas.ts';
import type { SharedAccessPolicy } from './shared-access-policy.ts';

export const hostName = z
  .string({ error: 'must be a host name' })
  .regex(/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/, { error: 'must be a host name' })
  .describe('host name of an IoT hub, such as hub-a.azure-devices.net');

/** A hub's share of the devices is its weight over the sum of the candidates' weights. */
export const linkedHubSchema = mapping({
  hostName,
  weight: orElse(wholeNumber(1, 1_000), 1).describe('1 to 1000; default: 1'),
  applyAllocationPolicy: orElse(trueOrFalse, true).describe(
    'false: only for enrollments that name this hub; default: true',
  ),
  identityLimit: orElse(
    rate.transform((limit) => ({ algorithm: 'token-bucket' as const, ...limit })),
    null,
  ).describe('how fast the hub creates device identities; default: unlimited'),
  // What a load test measures should be the client and the service, unless somebody asks for the limit of a hub.
  sku: choice(...HUB_TIERS)
    .optional()
    .describe('tier of the hub, which limits its new connections (B1 to B3 as S1 to S3); default: unlimited'),
  units: wholeNumber(1, HUB_UNITS_MAX).optional().describe('units of that tier; default: 1'),
}).superRefine(({ sku, units }, { addIssue }) => {
  if (sku === undefined && units !== undefined)
    addIssue(issue('is given without sku', 'Name the tier, or remove it', ['units']));
});

/** An IoT hub linked to the instance. */
export type LinkedHub = Readonly<z.output<typeof linkedHubSchema>>;

const patterns = orElse(z.array(z.string()), []).describe('devices of this region: patterns with * for any characters');

export const latencyRegionSchema = mapping({
  sourceAddresses: patterns,
  registrationIds: patterns,
  latencies: z
    .record(z.string(), durationMs, { error: 'must map host names to durations' })
    .describe('by host name of the hub; hubs without a latency are unreachable from here'),
})
  .transform(({ latencies, ...devices }) => ({ ...devices, latenciesMs: latencies }))
  .describe('a device belongs to the first region with a pattern that matches its address or its registration ID');

/** Where some of the devices are, and how far away the hubs are. The first region that matches a device counts. */
export type LatencyRegion = Readonly<z.output<typeof latencyRegionSchema>>;

/** Symmetric keys are base64; those of a group are the keys from which its devices' keys are derived. */
export type SymmetricKeyAttestation = {
  readonly kind: 'symmetricKey';
  readonly primaryKey: string;
  readonly secondaryKey: string | null;
};

export type X509Attestation = {
  readonly kind: 'x509';
  /** `client`: the device's own certificates. `signing`: those that sign the devices' certificates. */
  readonly use: 'client' | 'signing';
  /** Primary and secondary. */
  readonly certificates: readonly X509Certificate[];
  /** Names of uploaded CAs to which the enrollment refers, instead of having certificates of its own: primary and secondary. */
  readonly caReferences?: readonly string[];
};

/** Of individual enrollments that the service API has made. A device proves it over HTTPS alone, which is not emulated. */
export type TpmAttestation = {
  readonly kind: 'tpm';
  /** Base64. */
  readonly endorsementKey: string;
  readonly storageRootKey: string | null;
};

export type Attestation = SymmetricKeyAttestation | X509Attestation | TpmAttestation;

const reprovisionPolicy = mapping({ updateHubAssignment: trueOrFalse, migrateDeviceData: trueOrFalse });

/**
 * `updateHubAssignment: false`: a device keeps its first hub. `migrateDeviceData`, when the hub changes: copy the device's
 * data, or start from the initial twin.
 */
export type EnrollmentReprovisionPolicy = Readonly<z.output<typeof reprovisionPolicy>>;

/** What individual enrollments and enrollment groups have in common, apart from what names files. */
export const ENROLLMENT_SETTINGS = {
  provisioningStatus: orElse(choice('enabled', 'disabled'), 'enabled'),
  // `null` is the service's default: re-provision and migrate, but never for devices of an api-version before 2018-09.
  reprovisionPolicy: orElse(reprovisionPolicy, null),
  // In the words of the service API: evenly weighted, lowest latency, static, custom webhook.
  allocationPolicy: orElse(choice('hashed', 'geoLatency', 'static', 'custom'), null).describe(
    "default: the instance's policy",
  ),
  // The device gets it after its first assignment, and after a move that resets its data.
  initialTwin: orElse(z.looseObject({}, { error: 'must be a mapping' }), null).describe(
    'initial twin of the device: { tags, properties: { desired } }',
  ),
  capabilities: orElse(mapping({ iotEdge: trueOrFalse }), { iotEdge: false }).describe(
    'passed to the webhook; default: iotEdge: false',
  ),
  optionalDeviceInformation: orElse(z.looseObject({}, { error: 'must be a mapping' }), null).describe(
    'passed to the webhook unchanged',
  ),
};

const enrollmentSettings = z.object(ENROLLMENT_SETTINGS);

export type EnrollmentSettings = Readonly<z.output<typeof enrollmentSettings>> & {
  readonly attestation: Attestation;
  /** Host names; empty = all linked hubs to which the allocation policy applies. */
  readonly iotHubs: readonly string[];
  /** For the policy `custom`, else `null`. */
  readonly customAllocationDefinition: CustomAllocationDefinition | null;
};

export type CustomAllocationDefinition = { readonly webhookUrl: string; readonly apiVersion: string };

export type EnrollmentAllocationPolicy = NonNullable<EnrollmentSettings['allocationPolicy']>;

export const ENROLLMENT_DEFAULTS: Omit<EnrollmentSettings, 'attestation'> = Object.freeze({
  ...enrollmentSettings.parse({}),
  iotHubs: [],
  customAllocationDefinition: null,
});

export type IndividualEnrollment = EnrollmentSettings & {
  readonly kind: 'individual';
  readonly registrationId: string;
  /** The device's ID at its hub; `null` = the registration ID. */
  readonly deviceId: string | null;
};

export type EnrollmentGroup = EnrollmentSettings & { readonly kind: 'group'; readonly enrollmentGroupId: string };

export type Enrollment = IndividualEnrollment | EnrollmentGroup;

/** One DPS instance: what a customer configures at the service. */
export type DpsInstance = {
  readonly idScope: string;
  /** For enrollments without a policy of their own; `custom` belongs to enrollments. */
  readonly allocationPolicy: Exclude<EnrollmentAllocationPolicy, 'custom'>;
  readonly linkedHubs: readonly LinkedHub[];
  readonly latencyRegions: readonly LatencyRegion[];
  /**
   * CA certificates uploaded to the instance, and verified. If there are any, the chain of a device in a group must lead
   * to one of them, as at the service; if not, the groups' own certificates count as such.
   */
  readonly caCertificates: readonly X509Certificate[];
  /** By the names under which they were uploaded, for enrollments that refer to them; `null` = possession was not proved. */
  readonly uploadedCas: Readonly<Record<string, X509Certificate | null>>;
  /** Of the service API, `{name}.azure-devices-provisioning.net`. */
  readonly serviceHostName: string;
  /** Who may use the service API. Empty = one policy with every permission, whose key the emulator makes. */
  readonly sharedAccessPolicies: readonly SharedAccessPolicy[];
  readonly individualEnrollments: readonly IndividualEnrollment[];
  readonly enrollmentGroups: readonly EnrollmentGroup[];
  readonly quotas: Quotas;
};

/** What an instance has beside its enrollments, which change one by one. */
export type InstanceSettings = Omit<DpsInstance, 'individualEnrollments' | 'enrollmentGroups'>;
