import type { X509Certificate } from 'node:crypto';
import type {
  Attestation,
  DpsInstance,
  EnrollmentSettings,
  LinkedHub,
  SymmetricKeyAttestation,
} from '../service/dps-instance.ts';
import type { ConfigPlace } from './config-place.ts';
import { serviceHostNameOf } from './default-instance.ts';
import type { EnrollmentConfig, InstanceConfig } from './emulator-schema.ts';

type Environment = Readonly<Record<string, string | undefined>>;

type SymmetricKeyConfig = NonNullable<EnrollmentConfig['attestation']['symmetricKey']>;
type Keys = Omit<SymmetricKeyAttestation, 'kind'>;
type X509Config = NonNullable<EnrollmentConfig['attestation']['x509']>;

/** What an instance's enrollments refer to. */
type InstanceContext = {
  readonly environment: Environment;
  readonly instance: InstanceConfig;
  /** By name; `null` = possession was not proved. */
  readonly caCertificates: ReadonlyMap<string, X509Certificate | null>;
};

/** Reads the keys and certificates that an instance names; what is wrong with them is noted at `place`. */
export function resolveInstance(instance: InstanceConfig, environment: Environment, place: ConfigPlace): DpsInstance {
  const caCertificates = new Map(
    instance.caCertificates.flatMap(({ name, file, verified }, index) => {
      const certificate = place.at('caCertificates', index, 'file').certificate(file);
      return certificate === null ? [] : [[name, verified ? certificate : null] as const];
    }),
  );
  instance.latencyRegions.forEach(({ latenciesMs }, index) => {
    for (const hostName of Object.keys(latenciesMs)) {
      noteUnlinked(hostName, instance.linkedHubs, place.at('latencyRegions', index, 'latencies', hostName));
    }
  });
  const context = { environment, instance, caCertificates };
  return {
    ...instance,
    serviceHostName: instance.serviceHostName ?? serviceHostNameOf(instance.idScope),
    sharedAccessPolicies: instance.sharedAccessPolicies.flatMap(({ name, permissions, ...keys }, index) => {
      const resolved = resolveKeys(keys, environment, place.at('sharedAccessPolicies', index));
      return resolved === null ? [] : [{ name, permissions, ...resolved }];
    }),
    uploadedCas: Object.fromEntries(caCertificates),
    caCertificates: [...caCertificates.values()].filter((certificate) => certificate !== null),
    enrollmentGroups: instance.enrollmentGroups.flatMap((group, index) => {
      const settings = resolveEnrollment(group, context, place.at('enrollmentGroups', index));
      return settings === null ? [] : [{ kind: 'group' as const, ...group, ...settings }];
    }),
    individualEnrollments: instance.individualEnrollments.flatMap((individual, index) => {
      const settings = resolveEnrollment(individual, context, place.at('individualEnrollments', index));
      return settings === null ? [] : [{ kind: 'individual' as const, ...individual, ...settings }];
    }),
  };
}

type ResolvedSettings = Pick<EnrollmentSettings, 'attestation' | 'iotHubs' | 'customAllocationDefinition'>;

/** `null` = the attestation is unusable, which has been noted. */
function resolveEnrollment(
  { attestation: named, allocationPolicy, customAllocationDefinition, iotHubs = [], iotHubHostName }: EnrollmentConfig,
  context: InstanceContext,
  place: ConfigPlace,
): ResolvedSettings | null {
  const { instance } = context;
  const hubs = iotHubHostName === undefined ? iotHubs : [iotHubHostName];
  hubs.forEach((hostName, index) => {
    const at = iotHubHostName === undefined ? place.at('iotHubs', index) : place.at('iotHubHostName');
    noteUnlinked(hostName, instance.linkedHubs, at);
  });
  if ((allocationPolicy ?? instance.allocationPolicy) === 'static' && hubs.length !== 1) {
    const predicate = `is static, which needs exactly one hub, but iotHubs has ${hubs.length}`;
    place.at('allocationPolicy').note(predicate, 'Name exactly one hub in iotHubs');
  }
  const attestation = resolveAttestation(named, context, place.at('attestation'));
  if (attestation === null) return null;
  if (customAllocationDefinition === undefined) return { attestation, iotHubs: hubs, customAllocationDefinition: null };
  const { webhookUrl, webhookFile = '.', apiVersion } = customAllocationDefinition;
  const filePlace = place.at('customAllocationDefinition', 'webhookFile');
  // A webhook that is a file is a `file:` URL until it runs.
  const definition = { webhookUrl: webhookUrl ?? filePlace.fileUrl(webhookFile), apiVersion };
  return { attestation, iotHubs: hubs, customAllocationDefinition: definition };
}

function noteUnlinked(hostName: string, linkedHubs: readonly LinkedHub[], place: ConfigPlace): void {
  if (linkedHubs.some((hub) => hub.hostName === hostName)) return;
  const remedy = `Name one of the linked hubs ${linkedHubs.map((hub) => hub.hostName).join(', ')}`;
  place.note(`names ${hostName}, which is not a linked hub of the instance`, remedy);
}

function resolveAttestation(
  { symmetricKey, x509 }: EnrollmentConfig['attestation'],
  context: InstanceContext,
  place: ConfigPlace,
): Attestation | null {
  if (symmetricKey !== undefined) {
    const keys = resolveKeys(symmetricKey, context.environment, place.at('symmetricKey'));
    return keys === null ? null : { kind: 'symmetricKey', ...keys };
  }
  return x509 === undefined ? null : resolveCertificates(x509, context.caCertificates, place.at('x509'));
}

/** `null` = there is no usable primary key, which has been noted. */
function resolveKeys(keys: SymmetricKeyConfig, environment: Environment, place: ConfigPlace): Keys | null {
  const keyOf = (rank: 'primaryKey' | 'secondaryKey'): string | null => {
    const { [`${rank}File` as const]: file, [`${rank}Variable` as const]: variable } = keys;
    if (variable !== undefined) return place.at(`${rank}Variable`).key(environment[variable] ?? '');
    const at = place.at(`${rank}File`);
    const text = file === undefined ? null : at.text(file);
    return text === null ? null : at.key(text);
  };
  const [primaryKey, secondaryKey] = [keyOf('primaryKey'), keyOf('secondaryKey')];
  return primaryKey === null ? null : { primaryKey, secondaryKey };
}

function resolveCertificates(
  x509: X509Config,
  caCertificates: InstanceContext['caCertificates'],
  place: ConfigPlace,
): Attestation {
  const certificates = Object.entries(x509).flatMap(([kind, pair]) =>
    Object.entries<string | undefined>(pair ?? {}).flatMap(([rank, name]) => {
      if (name === undefined) return [];
      const at = place.at(kind, rank);
      return (kind === 'caReferences' ? referenced(name, caCertificates, at) : at.certificate(name)) ?? [];
    }),
  );
  const attestation = { kind: 'x509', use: 'clientCertificates' in x509 ? 'client' : 'signing', certificates } as const;
  if (x509.caReferences === undefined) return attestation;
  const { primary, secondary } = x509.caReferences;
  return { ...attestation, caReferences: secondary === undefined ? [primary] : [primary, secondary] };
}

/** A CA whose possession was not proved lets nobody in, as at the service. */
function referenced(
  name: string,
  caCertificates: InstanceContext['caCertificates'],
  place: ConfigPlace,
): X509Certificate | null {
  if (!caCertificates.has(name)) {
    const remedy =
      caCertificates.size === 0 ? 'Add it to caCertificates' : `Name one of ${[...caCertificates.keys()].join(', ')}`;
    place.note(`names ${JSON.stringify(name)}, which is not a CA certificate of the instance`, remedy);
  }
  return caCertificates.get(name) ?? null;
}
