import { createHash, X509Certificate } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type {
  AttestationBody,
  EnrollmentGroupBody,
  IndividualEnrollmentBody,
  InitialTwinBody,
  X509CertificateBody,
} from '../dps/service-api.ts';

/** An enrollment or an enrollment group, on the wire. */
export type EntryBody = IndividualEnrollmentBody | EnrollmentGroupBody;

/**
 * In what an existing entry differs from the wanted one, in words without secrets. What the service fills in where nothing is wanted does not
 * differ: its documented defaults, and the allocation policy of the instance. Nothing here reads the keys of `found`, which the service keeps
 * to itself.
 */
export function differencesOf(
  wanted: EntryBody,
  found: EntryBody,
  foundAttestation: AttestationBody,
): readonly string[] {
  return [
    ...differing('device ID', deviceIdOf(wanted), deviceIdOf(found)),
    ...attestationDifferences(wanted.attestation, foundAttestation),
    ...differing('status', wanted.provisioningStatus ?? 'enabled', found.provisioningStatus ?? 'enabled'),
    ...differing('IoT Edge', wanted.capabilities?.iotEdge ?? false, found.capabilities?.iotEdge ?? false),
    ...differing('re-provisioning', reprovisioningOf(wanted), reprovisioningOf(found)),
    ...policyDifferences(wanted, found),
    ...differing('hubs', hubsOf(wanted), hubsOf(found)),
    ...webhookDifferences(wanted, found),
    ...twinDifferences(wanted.initialTwin, found.initialTwin),
  ];
}

function differing(what: string, wanted: string | boolean, found: string | boolean): readonly string[] {
  return wanted === found ? [] : [`${what}: ${shown(found)} instead of ${shown(wanted)}`];
}

function shown(value: string | boolean): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return value === '' ? 'none' : value;
}

/** Absent = the registration ID. A group has none. */
function deviceIdOf(entry: EntryBody): string {
  return 'registrationId' in entry ? (entry.deviceId ?? entry.registrationId) : '';
}

function reprovisioningOf({ reprovisionPolicy }: EntryBody): string {
  const { updateHubAssignment, migrateDeviceData } = reprovisionPolicy ?? REPROVISION_DEFAULT;
  if (!updateHubAssignment) return 'never';
  return migrateDeviceData ? 'migrate' : 'reset';
}

const REPROVISION_DEFAULT = { updateHubAssignment: true, migrateDeviceData: true };

function policyDifferences(wanted: EntryBody, found: EntryBody): readonly string[] {
  const policy = wanted.allocationPolicy;
  return policy === undefined
    ? []
    : differing('allocation policy', policy.toLowerCase(), (found.allocationPolicy ?? '').toLowerCase());
}

/** Sorted. A host name in the old form that repeats where the device is says nothing about what was configured. */
function hubsOf(entry: EntryBody): string {
  // The service may write null for what is not there.
  const iotHubs = entry.iotHubs ?? [];
  const { iotHubHostName } = entry;
  const assigned = 'registrationState' in entry ? entry.registrationState?.assignedHub : undefined;
  const isOldForm = iotHubs.length === 0 && typeof iotHubHostName === 'string' && iotHubHostName !== assigned;
  const hubs = isOldForm ? [iotHubHostName] : iotHubs;
  return hubs
    .map((hub) => hub.toLowerCase())
    .sort()
    .join(', ');
}

/** The URL may hold a key. */
function webhookDifferences(wanted: EntryBody, found: EntryBody): readonly string[] {
  const [ours, theirs] = [wanted.customAllocationDefinition, found.customAllocationDefinition];
  const isSame = ours?.webhookUrl === theirs?.webhookUrl && ours?.apiVersion === theirs?.apiVersion;
  // Other policies keep a webhook that they do not use.
  return isSame || (ours === undefined && found.allocationPolicy !== 'custom') ? [] : ['allocation webhook'];
}

function twinDifferences(wanted: InitialTwinBody | undefined, found: InitialTwinBody | undefined): readonly string[] {
  const part = (name: string, ours: object = {}, theirs: object = {}): readonly string[] =>
    isDeepStrictEqual(plainTwin(ours, ours), plainTwin(theirs, ours)) ? [] : [name];
  return [
    ...part('initial tags', wanted?.tags, found?.tags ?? undefined),
    ...part('initial desired properties', wanted?.properties?.desired, found?.properties?.desired ?? undefined),
  ];
}

/** Members that the service may add to a collection of the twin. */
const ADDED_TO_TWIN = ['version', 'count', 'metadata', '$version', '$metadata'];

function plainTwin(collection: object, wanted: object): object {
  const kept = Object.entries(collection).filter(
    ([name]) => !ADDED_TO_TWIN.includes(name) || Object.hasOwn(wanted, name),
  );
  return Object.fromEntries(kept);
}

function attestationDifferences(wanted: AttestationBody, found: AttestationBody): readonly string[] {
  if (wanted.type !== found.type) return [`attestation: ${found.type} instead of ${wanted.type}`];
  const { primaryKey, secondaryKey } = wanted.symmetricKey ?? {};
  const { clientCertificates: device, signingCertificates: signing } = wanted.x509 ?? {};
  const certificate = (what: string, ours?: X509CertificateBody, theirs?: X509CertificateBody): readonly string[] =>
    ours === undefined || thumbprintOf(ours) === thumbprintOf(theirs) ? [] : [what];
  return [
    // A key that is not given is left to the service.
    ...(primaryKey == null || primaryKey === found.symmetricKey?.primaryKey ? [] : ['primary key']),
    ...(secondaryKey == null || secondaryKey === found.symmetricKey?.secondaryKey ? [] : ['secondary key']),
    ...certificate('certificate', device?.primary, found.x509?.clientCertificates?.primary),
    ...certificate('signing certificate', signing?.primary, found.x509?.signingCertificates?.primary),
  ];
}

/** SHA-256, from the text or, where the service has only kept its facts, from these. */
function thumbprintOf(certificate: X509CertificateBody | undefined): string {
  const { certificate: text, info } = certificate ?? {};
  if (info?.sha256Thumbprint) return info.sha256Thumbprint.replace(/[^0-9A-Fa-f]/g, '').toLowerCase();
  if (!text) return '';
  try {
    const isPem = text.includes('-----BEGIN');
    const { raw } = new X509Certificate(isPem ? text : Buffer.from(text, 'base64'));
    return createHash('sha256').update(raw).digest('hex');
  } catch {
    return text;
  }
}
