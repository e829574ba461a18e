import { z } from 'zod';
import { isJsonObject, type JsonObject, withoutNulls } from '../../../dps/json-object.ts';
import type { RegistrationStateBody } from '../../../dps/payloads.ts';
import { foldRegistrationId, registrationIdProblem } from '../../../dps/registration-id.ts';
import type { EnrollmentGroupBody, IndividualEnrollmentBody } from '../../../dps/service-api.ts';
import { utcTimestamp } from '../answer.ts';
import {
  type CustomAllocationDefinition,
  ENROLLMENT_SETTINGS,
  type Enrollment,
  type InstanceSettings,
} from '../dps-instance.ts';
import { etagOf, idOf, type StoredEnrollment } from '../enrollment-store.ts';
import { API_ERRORS, ApiRefusal } from './api-message.ts';
import { type AttestationContext, attestationBody, readAttestation } from './attestation-body.ts';
import { invalid, unreadable } from './json-body.ts';

/*
 * Between an enrollment and its body in the service API. What the configuration file has too is read by the same schema; the API
 * ignores members that it does not know, and the case of the allocation policy.
 */

const POLICY_NAMES = ['hashed', 'geoLatency', 'static', 'custom'];

const settingsSchema = z.object(ENROLLMENT_SETTINGS);

const customAllocation = z.object({
  webhookUrl: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }),
  apiVersion: z.string({ error: 'must be text' }).min(1, { error: 'must be text' }),
});

const deviceIdSchema = z
  .string({ error: 'must be text' })
  .regex(/^[A-Za-z0-9\-:.+%_#*?!(),=@;$']{1,128}$/, { error: 'must be a device ID of 1 to 128 characters' });

export type EnrollmentContext = Omit<AttestationContext, 'previous' | 'uploadedCas'> & {
  readonly settings: InstanceSettings;
  /** The enrollment that is replaced; `null` = there is none. */
  readonly previous: Enrollment | null;
};

/** The member with the enrollment's name. */
export function idMember(kind: Enrollment['kind']): 'enrollmentGroupId' | 'registrationId' {
  return kind === 'group' ? 'enrollmentGroupId' : 'registrationId';
}

/** @throws ApiRefusal */
export function readEnrollment(value: unknown, context: EnrollmentContext): Enrollment {
  if (!isJsonObject(value)) throw unreadable('an enrollment is not an object');
  const { kind, settings, previous } = context;
  const body = withoutNulls(value);
  const id = readId(body, kind, previous);
  const common = parse(settingsSchema, { ...body, allocationPolicy: policyIn(body['allocationPolicy']) });
  const iotHubs = readHubs(body, settings);
  const { allocationPolicy } = common;
  if ((allocationPolicy ?? settings.allocationPolicy) === 'static' && iotHubs.length !== 1) {
    throw invalid(`the static allocation policy needs exactly one hub, but there are ${iotHubs.length}`);
  }
  const custom = { allocationPolicy, customAllocationDefinition: readCustomAllocation(body, allocationPolicy) };
  const { uploadedCas } = settings;
  const previousAttestation = previous?.attestation ?? null;
  const attestation = readAttestation(body['attestation'], { ...context, previous: previousAttestation, uploadedCas });
  const members = { ...common, ...custom, attestation, iotHubs };
  if (kind === 'group') return { kind, enrollmentGroupId: id, ...members };
  const deviceId = body['deviceId'] === undefined ? null : parse(deviceIdSchema, body['deviceId'], 'deviceId');
  return { kind, registrationId: id, deviceId, ...members };
}

/** @throws ApiRefusal */
export function readId(body: JsonObject, kind: Enrollment['kind'], previous: Enrollment | null): string {
  const member = idMember(kind);
  const id = body[member];
  if (typeof id !== 'string') throw invalid(`${member} is required`);
  const problem = registrationIdProblem(id);
  if (problem !== null) throw invalid(`${member} ${problem}`);
  // As it was created.
  return previous === null ? id : idOf(previous);
}

/** Whether two IDs are the same to the service. */
export function isSameId(one: string, other: string): boolean {
  return foldRegistrationId(one) === foldRegistrationId(other);
}

function policyIn(value: unknown): unknown {
  const folded = typeof value === 'string' ? value.toLowerCase() : null;
  return POLICY_NAMES.find((name) => name.toLowerCase() === folded) ?? value;
}

/** With the spelling of the linked hubs. */
function readHubs(
  { allocationPolicy, iotHubs, iotHubHostName }: JsonObject,
  { linkedHubs }: InstanceSettings,
): string[] {
  const hubs = iotHubs ?? [];
  if (!Array.isArray(hubs)) throw unreadable('iotHubs is not an array');
  if (hubs.length > 0 && allocationPolicy === undefined) {
    const message = 'Enrollment allocationPolicy must be specified when iotHubs are specified.';
    throw new ApiRefusal(API_ERRORS.policyMissing, message);
  }
  if (hubs.length > 0 && iotHubHostName !== undefined && (hubs.length > 1 || hubs[0] !== iotHubHostName)) {
    throw invalid('iotHubHostName and iotHubs name different hubs');
  }
  const named: readonly unknown[] = hubs.length > 0 || iotHubHostName === undefined ? hubs : [iotHubHostName];
  const linked = named.map((name) => {
    const hub = linkedHubs.find(({ hostName }) => typeof name === 'string' && isSameId(hostName, name));
    if (hub === undefined) throw invalid('iotHubs or iotHubHostName names a hub that is not linked to the instance');
    return hub.hostName;
  });
  return [...new Set(linked)];
}

/** Of no meaning with another policy, as clients leave it behind that change the policy. */
function readCustomAllocation(
  { customAllocationDefinition: given }: JsonObject,
  allocationPolicy: Enrollment['allocationPolicy'],
): CustomAllocationDefinition | null {
  if (allocationPolicy !== 'custom') return null;
  if (given === undefined) throw invalid('customAllocationDefinition is required with allocationPolicy custom');
  return parse(customAllocation, given, 'customAllocationDefinition');
}

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown, name = ''): z.output<Schema> {
  const { data, error } = schema.safeParse(value);
  if (error === undefined) return data as z.output<Schema>;
  const [issue] = error.issues;
  const path = [name, ...(issue?.path ?? [])].filter((step) => step !== '').join('.');
  throw unreadable(`${path} ${issue?.message}`);
}

export type BodyOptions = {
  readonly withSecrets: boolean;
  readonly withCertificates: boolean;
  /** `null` = the device has not registered, or it is not asked for. */
  readonly registrationState: RegistrationStateBody | null;
};

/** Members in the order of the documented answers; what is not set is left out. */
export function enrollmentBody(
  stored: StoredEnrollment,
  { registrationState, ...attestationOptions }: BodyOptions,
): IndividualEnrollmentBody | EnrollmentGroupBody {
  const { enrollment } = stored;
  const common = {
    attestation: attestationBody(enrollment.attestation, attestationOptions),
    capabilities: enrollment.capabilities,
    etag: etagOf(stored),
    provisioningStatus: enrollment.provisioningStatus,
    ...present('reprovisionPolicy', enrollment.reprovisionPolicy),
    createdDateTimeUtc: utcTimestamp(stored.createdAtMs),
    lastUpdatedDateTimeUtc: utcTimestamp(stored.lastUpdatedAtMs),
    ...present('allocationPolicy', enrollment.allocationPolicy),
    ...hubMembers(enrollment),
    ...present('customAllocationDefinition', enrollment.customAllocationDefinition),
    ...present('initialTwin', enrollment.initialTwin),
    ...present('optionalDeviceInformation', enrollment.optionalDeviceInformation),
  };
  if (enrollment.kind === 'group') return { enrollmentGroupId: enrollment.enrollmentGroupId, ...common };
  return {
    registrationId: enrollment.registrationId,
    ...present('deviceId', enrollment.deviceId),
    ...common,
    ...present('registrationState', registrationState),
  };
}

/** Without a policy, a hub can only have been named in the old form. */
function hubMembers({ allocationPolicy, iotHubs }: Enrollment): {
  iotHubHostName?: string;
  iotHubs?: readonly string[];
} {
  const [only] = iotHubs;
  if (only === undefined) return {};
  return allocationPolicy === null && iotHubs.length === 1 ? { iotHubHostName: only } : { iotHubs };
}

function present<Name extends string, Value>(name: Name, value: Value | null): { readonly [_ in Name]?: Value } {
  return (value === null ? {} : { [name]: value }) as { readonly [_ in Name]?: Value };
}
