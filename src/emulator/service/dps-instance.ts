import type { X509Certificate } from 'node:crypto';
import type { Quotas, RateLimit } from './quotas.ts';

/** An IoT hub linked to the instance. */
export type LinkedHub = {
  readonly hostName: string;
  /** 1 to 1000: its share of the devices is its weight over the sum of the candidates' weights. */
  readonly weight: number;
  /** `false` removes it from allocation unless an enrollment names it. */
  readonly applyAllocationPolicy: boolean;
  /** Device identities that the hub creates in a time; `null` = unlimited. */
  readonly identityLimit: RateLimit | null;
};

/** base64. With a group: the group's keys, of which the devices' keys are derived. */
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
};

export type Attestation = SymmetricKeyAttestation | X509Attestation;

export type EnrollmentReprovisionPolicy = {
  /** `false`: a device keeps the hub that it was assigned first. */
  readonly updateHubAssignment: boolean;
  /** When the hub changes: `true` copies the device's data, `false` starts from the initial twin. */
  readonly migrateDeviceData: boolean;
};

/** How a hub is chosen, in the words of the service API: evenly weighted, lowest latency, static, custom webhook. */
export type EnrollmentAllocationPolicy = 'hashed' | 'geoLatency' | 'static' | 'custom';

export type CustomAllocationDefinition = {
  readonly webhookUrl: string;
  readonly apiVersion: string;
};

/** What individual enrollments and enrollment groups have in common. */
export type EnrollmentSettings = {
  readonly attestation: Attestation;
  readonly provisioningStatus: 'enabled' | 'disabled';
  /** `null` = the service's default: re-provision and migrate, but never for devices of an api-version before 2018-09. */
  readonly reprovisionPolicy: EnrollmentReprovisionPolicy | null;
  /** `null` = the instance's. */
  readonly allocationPolicy: EnrollmentAllocationPolicy | null;
  /** Host names; empty = all linked hubs to which the allocation policy applies. */
  readonly iotHubs: readonly string[];
  /** Of the policy `custom`, else `null`. */
  readonly customAllocationDefinition: CustomAllocationDefinition | null;
  /** Twin of the device at its hub after the first assignment, and after a move that resets its data. */
  readonly initialTwin: object | null;
  /** Handed to the webhook as they are. */
  readonly capabilities: { readonly iotEdge: boolean };
  readonly optionalDeviceInformation: object | null;
};

export const ENROLLMENT_DEFAULTS: Omit<EnrollmentSettings, 'attestation'> = Object.freeze({
  provisioningStatus: 'enabled',
  reprovisionPolicy: null,
  allocationPolicy: null,
  iotHubs: [],
  customAllocationDefinition: null,
  initialTwin: null,
  capabilities: { iotEdge: false },
  optionalDeviceInformation: null,
});

export type IndividualEnrollment = EnrollmentSettings & {
  readonly kind: 'individual';
  readonly registrationId: string;
  /** The device's ID at its hub; `null` = the registration ID. */
  readonly deviceId: string | null;
};

export type EnrollmentGroup = EnrollmentSettings & {
  readonly kind: 'group';
  readonly enrollmentGroupId: string;
};

export type Enrollment = IndividualEnrollment | EnrollmentGroup;

/** Where some of the devices are, and how far the hubs are from there. Of several that fit, the first counts. */
export type LatencyRegion = {
  /** Patterns with `*` for any characters; a device belongs to the region when its address or its ID fits one. */
  readonly sourceAddresses: readonly string[];
  readonly registrationIds: readonly string[];
  /** By host name, milliseconds; a hub that is not named cannot be reached from here. */
  readonly latenciesMs: Readonly<Record<string, number>>;
};

/** One DPS instance: what a customer configures at the service. */
export type DpsInstance = {
  readonly idScope: string;
  /** Of enrollments that have none of their own; `custom` is a matter of enrollments. */
  readonly allocationPolicy: Exclude<EnrollmentAllocationPolicy, 'custom'>;
  readonly linkedHubs: readonly LinkedHub[];
  readonly latencyRegions: readonly LatencyRegion[];
  /**
   * CA certificates uploaded to the instance, and verified. Where there are any, the chain of a device in a group must
   * lead to one of them, as at the service; where there are none, the certificates of the groups count as such.
   */
  readonly caCertificates: readonly X509Certificate[];
  readonly individualEnrollments: readonly IndividualEnrollment[];
  readonly enrollmentGroups: readonly EnrollmentGroup[];
  readonly quotas: Quotas;
};
