import type { RegistrationStateBody } from './payloads.ts';

/*
 * The service API: https://{instance}.azure-devices-provisioning.net, for enrollments and registration records. Shapes and names from
 * Microsoft's specification (azure-rest-api-specs, deviceprovisioningservices/data-plane, service/routes.tsp and models.tsp).
 */

/** As Microsoft's Node SDK and the Azure CLI. */
export const SERVICE_API_VERSION = '2021-10-01';

/** Entries of a bulk operation. */
export const BULK_ENTRIES_MAX = 10;

/** Service API operations per DPS instance. Whether a bulk counts as one is not documented; here it does. */
export const SERVICE_OPERATIONS_PER_MINUTE_MAX = 1_000;

/** How an enrollment chooses a hub. */
export const HUB_POLICIES = ['hashed', 'geoLatency', 'static', 'custom'] as const;

export const ENROLLMENT_STATUSES = ['enabled', 'disabled'] as const;

/** What happens when a device registers again, in the words of the portal and the Azure CLI; `reprovisionPolicy` on the wire. */
export const REPROVISIONINGS = ['migrate', 'reset', 'never'] as const;

export type AttestationBody = {
  readonly type: 'none' | 'tpm' | 'x509' | 'symmetricKey';
  readonly tpm?: { readonly endorsementKey: string; readonly storageRootKey?: string };
  /** Without keys, the service makes two; answers have them only when they made them. */
  readonly symmetricKey?: { readonly primaryKey?: string | null; readonly secondaryKey?: string | null };
  readonly x509?: X509AttestationBody;
};

export type X509AttestationBody = {
  /** The device's own certificates: of individual enrollments. */
  readonly clientCertificates?: X509CertificatesBody;
  /** Those that sign the devices' certificates: of groups. */
  readonly signingCertificates?: X509CertificatesBody;
  /** Names of CA certificates that were uploaded to the instance. */
  readonly caReferences?: { readonly primary?: string; readonly secondary?: string };
};

export type X509CertificatesBody = {
  readonly primary?: X509CertificateBody;
  readonly secondary?: X509CertificateBody;
};

export type X509CertificateBody = {
  /** In requests: PEM, or base64 of DER. */
  readonly certificate?: string;
  /** In answers. */
  readonly info?: X509CertificateInfo;
};

export type X509CertificateInfo = {
  readonly subjectName: string;
  readonly sha1Thumbprint: string;
  readonly sha256Thumbprint: string;
  readonly issuerName: string;
  readonly notBeforeUtc: string;
  readonly notAfterUtc: string;
  readonly serialNumber: string;
  readonly version: number;
};

/** What individual enrollments and enrollment groups have in common on the wire. */
type EnrollmentSettingsBody = {
  readonly attestation: AttestationBody;
  readonly capabilities?: { readonly iotEdge: boolean };
  /** The old form for a single hub. */
  readonly iotHubHostName?: string;
  readonly initialTwin?: InitialTwinBody;
  readonly etag?: string;
  readonly provisioningStatus?: (typeof ENROLLMENT_STATUSES)[number];
  readonly reprovisionPolicy?: { readonly updateHubAssignment: boolean; readonly migrateDeviceData: boolean };
  readonly createdDateTimeUtc?: string;
  readonly lastUpdatedDateTimeUtc?: string;
  readonly allocationPolicy?: (typeof HUB_POLICIES)[number];
  /** Needs `allocationPolicy`. */
  readonly iotHubs?: readonly string[];
  readonly customAllocationDefinition?: { readonly webhookUrl: string; readonly apiVersion: string };
};

export type InitialTwinBody = {
  readonly tags?: Readonly<Record<string, unknown>>;
  readonly properties?: { readonly desired?: Readonly<Record<string, unknown>> };
};

export type IndividualEnrollmentBody = EnrollmentSettingsBody & {
  readonly registrationId: string;
  /** Absent = the registration ID. */
  readonly deviceId?: string;
  /** In the answer to a GET, once the device has registered. */
  readonly registrationState?: RegistrationStateBody;
  readonly optionalDeviceInformation?: Readonly<Record<string, unknown>>;
};

export type EnrollmentGroupBody = EnrollmentSettingsBody & { readonly enrollmentGroupId: string };

export type BulkMode = 'create' | 'update' | 'updateIfMatchETag' | 'delete';

export type BulkResultBody = {
  readonly isSuccessful: boolean;
  readonly errors?: readonly BulkErrorBody[];
};

export type BulkErrorBody = {
  readonly registrationId?: string;
  readonly enrollmentGroupId?: string;
  readonly errorCode: number;
  readonly errorStatus: string;
};

/** Headers of queries. The continuation of the last page is absent. */
export const PAGING_HEADERS = {
  itemCountMax: 'x-ms-max-item-count',
  continuation: 'x-ms-continuation',
  itemType: 'x-ms-item-type',
} as const;
