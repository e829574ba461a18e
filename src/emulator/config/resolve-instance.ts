import { foldRegistrationId } from '../../dps/registration-id.ts';
import type { YamlPath } from '../../problem/yaml-document.ts';
import {
  type CustomAllocationDefinition,
  type DpsInstance,
  ENROLLMENT_DEFAULTS,
  type EnrollmentGroup,
  type EnrollmentSettings,
  type IndividualEnrollment,
  type LatencyRegion,
  type LinkedHub,
} from '../service/dps-instance.ts';
import { NO_QUOTAS, type Quotas } from '../service/quotas.ts';
import type { ConfigProblems } from './config-problems.ts';
import type { ConfigSources } from './config-sources.ts';
import { DEFAULT_HUBS } from './default-instance.ts';
import type { GroupShape, IndividualShape, InstanceShape } from './emulator-schema.ts';
import { type AttestationSources, type CaCertificate, resolveAttestation } from './resolve-attestation.ts';

/** Seconds that a 429 asks for when the file does not say: the lower end of what clients are told to expect. */
const THROTTLED_RETRY_AFTER_SECONDS = 5;

/** The oldest version of the webhook's contract. */
const WEBHOOK_API_VERSION_DEFAULT = '2018-09-01-preview';

/** What the settings of enrollments are made of. */
type SettingsSources = AttestationSources & { readonly defaultPolicy: DpsInstance['allocationPolicy'] };

/** One instance of the file; what is wrong with it is noted in `problems`. */
export function resolveInstance(
  shape: InstanceShape,
  at: YamlPath,
  sources: ConfigSources,
  problems: ConfigProblems,
): DpsInstance {
  const linkedHubs = shape.linkedHubs?.map(resolveHub) ?? DEFAULT_HUBS;
  noteDuplicates(
    linkedHubs.map(({ hostName }) => hostName),
    [...at, 'linkedHubs'],
    'hub',
    problems,
  );
  const caCertificates = resolveCaCertificates(shape, at, sources);
  const { idScope, allocationPolicy = 'hashed' } = shape;
  const from: SettingsSources = { sources, caCertificates, problems, defaultPolicy: allocationPolicy };
  const groups = shape.enrollmentGroups ?? [];
  const individuals = shape.individualEnrollments ?? [];
  noteDuplicates(
    groups.map((group) => group.enrollmentGroupId),
    [...at, 'enrollmentGroups'],
    'enrollment group',
    problems,
  );
  noteDuplicates(
    individuals.map((one) => one.registrationId),
    [...at, 'individualEnrollments'],
    'registration ID',
    problems,
  );
  return {
    idScope,
    allocationPolicy,
    linkedHubs,
    latencyRegions: resolveRegions(shape, [...at, 'latencyRegions'], linkedHubs, problems),
    caCertificates: [...caCertificates.values()]
      .filter(({ isVerified }) => isVerified)
      .map(({ certificate }) => certificate),
    enrollmentGroups: groups.flatMap((group, index): EnrollmentGroup[] => {
      const settings = resolveSettings(group, [...at, 'enrollmentGroups', index], linkedHubs, from);
      return settings === null ? [] : [{ kind: 'group', enrollmentGroupId: group.enrollmentGroupId, ...settings }];
    }),
    individualEnrollments: individuals.flatMap((one, index): IndividualEnrollment[] => {
      const settings = resolveSettings(one, [...at, 'individualEnrollments', index], linkedHubs, from);
      const { registrationId, deviceId = null } = one;
      return settings === null ? [] : [{ kind: 'individual', registrationId, deviceId, ...settings }];
    }),
    quotas: resolveQuotas(shape.quotas),
  };
}

function resolveHub({
  hostName,
  weight = 1,
  applyAllocationPolicy = true,
  identityLimit,
}: NonNullable<InstanceShape['linkedHubs']>[number]): LinkedHub {
  return {
    hostName,
    weight,
    applyAllocationPolicy,
    identityLimit: identityLimit === undefined ? null : { algorithm: 'token-bucket', ...identityLimit },
  };
}

function resolveCaCertificates(
  { caCertificates = [] }: InstanceShape,
  at: YamlPath,
  sources: ConfigSources,
): ReadonlyMap<string, CaCertificate> {
  const entries = caCertificates.flatMap(({ name, file, verified = true }, index): [string, CaCertificate][] => {
    const certificate = sources.certificate(file, [...at, 'caCertificates', index, 'file']);
    return certificate === null ? [] : [[name, { certificate, isVerified: verified }]];
  });
  return new Map(entries);
}

function resolveSettings(
  shape: GroupShape | IndividualShape,
  at: YamlPath,
  linkedHubs: readonly LinkedHub[],
  from: SettingsSources,
): EnrollmentSettings | null {
  const iotHubs = resolveHubNames(shape, at, linkedHubs, from.problems);
  noteWrongAllocation(shape, iotHubs, at, from);
  const attestation = resolveAttestation(shape.attestation, [...at, 'attestation'], from);
  if (attestation === null) return null;
  const definition = shape.customAllocationDefinition;
  return {
    attestation,
    iotHubs,
    provisioningStatus: shape.provisioningStatus ?? 'enabled',
    reprovisionPolicy: shape.reprovisionPolicy ?? null,
    allocationPolicy: shape.allocationPolicy ?? null,
    customAllocationDefinition:
      definition === undefined ? null : resolveWebhook(definition, [...at, 'customAllocationDefinition'], from),
    initialTwin: shape.initialTwin ?? null,
    capabilities: shape.capabilities ?? ENROLLMENT_DEFAULTS.capabilities,
    optionalDeviceInformation: shape.optionalDeviceInformation ?? null,
  };
}

/** A webhook that is a file is a `file:` URL until it runs. */
function resolveWebhook(
  {
    webhookUrl,
    webhookFile,
    apiVersion = WEBHOOK_API_VERSION_DEFAULT,
  }: NonNullable<GroupShape['customAllocationDefinition']>,
  at: YamlPath,
  { sources, problems }: SettingsSources,
): CustomAllocationDefinition {
  if ((webhookUrl === undefined) === (webhookFile === undefined)) {
    problems.at(at, `${at.join('.')} must have one of webhookUrl and webhookFile`, 'Keep one of them');
  }
  return { webhookUrl: webhookUrl ?? sources.fileUrl(webhookFile ?? '.', [...at, 'webhookFile']), apiVersion };
}

/** The hubs that the enrollment names, each of which must be linked. */
function resolveHubNames(
  { iotHubs, iotHubHostName }: GroupShape | IndividualShape,
  at: YamlPath,
  linkedHubs: readonly LinkedHub[],
  problems: ConfigProblems,
): readonly string[] {
  if (iotHubHostName === undefined) {
    iotHubs?.forEach((hostName, index) => {
      noteUnlinked(hostName, [...at, 'iotHubs', index], linkedHubs, problems);
    });
    return iotHubs ?? [];
  }
  if (iotHubs !== undefined) {
    problems.at([...at, 'iotHubHostName'], 'iotHubs and iotHubHostName are both given', 'Keep one of them');
  }
  noteUnlinked(iotHubHostName, [...at, 'iotHubHostName'], linkedHubs, problems);
  return [iotHubHostName];
}

function noteWrongAllocation(
  { allocationPolicy, customAllocationDefinition }: GroupShape | IndividualShape,
  iotHubs: readonly string[],
  at: YamlPath,
  { defaultPolicy, problems }: SettingsSources,
): void {
  if ((allocationPolicy ?? defaultPolicy) === 'static' && iotHubs.length !== 1) {
    const message = `the policy static wants one hub, and iotHubs has ${iotHubs.length}`;
    problems.at([...at, 'allocationPolicy'], message, 'Name exactly one hub in iotHubs');
  }
  if ((allocationPolicy === 'custom') !== (customAllocationDefinition !== undefined)) {
    const message = 'the policy custom and customAllocationDefinition go together';
    problems.at([...at, 'allocationPolicy'], message, 'Give both, or neither');
  }
}

function resolveRegions(
  { latencyRegions = [] }: InstanceShape,
  at: YamlPath,
  linkedHubs: readonly LinkedHub[],
  problems: ConfigProblems,
): readonly LatencyRegion[] {
  return latencyRegions.map(({ sourceAddresses = [], registrationIds = [], latencies }, index) => {
    for (const hostName of Object.keys(latencies)) {
      noteUnlinked(hostName, [...at, index, 'latencies', hostName], linkedHubs, problems);
    }
    return { sourceAddresses, registrationIds, latenciesMs: latencies };
  });
}

function noteUnlinked(
  hostName: string,
  at: YamlPath,
  linkedHubs: readonly LinkedHub[],
  problems: ConfigProblems,
): void {
  if (linkedHubs.some((hub) => hub.hostName === hostName)) return;
  const remedy = `The linked hubs are ${linkedHubs.map((hub) => hub.hostName).join(', ')}`;
  problems.at(at, `${hostName} is no linked hub of the instance`, remedy);
}

function resolveQuotas(shape: InstanceShape['quotas']): Quotas {
  if (shape === undefined) return NO_QUOTAS;
  const { algorithm = 'token-bucket', register, pollPerDevice, retryAfter = THROTTLED_RETRY_AFTER_SECONDS } = shape;
  return {
    register: register === undefined ? null : { algorithm, ...register },
    pollPerDevice: pollPerDevice === undefined ? null : { algorithm, ...pollPerDevice },
    retryAfterSeconds: retryAfter,
  };
}

/** The service folds the case of all these names. */
function noteDuplicates(names: readonly string[], at: YamlPath, noun: string, problems: ConfigProblems): void {
  const seen = new Set<string>();
  names.forEach((name, index) => {
    const key = foldRegistrationId(name);
    if (seen.has(key)) problems.at([...at, index], `${noun} ${name} stands there twice`, 'Remove one');
    seen.add(key);
  });
}
