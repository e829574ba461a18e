import { ERROR_CODES } from '../../dps/error-codes.ts';
import { parseObject } from '../../dps/json-object.ts';
import { utcTimestamp } from './answer.ts';
import type { Enrollment, EnrollmentReprovisionPolicy, InstanceSettings } from './dps-instance.ts';
import { etagOf, type StoredEnrollment } from './enrollment-store.ts';
import { type AssignmentResult, deviceIdOf, type RegistrationRecord } from './registration-record.ts';
import { substatusOf } from './reprovisioning.ts';

/** A call of an enrollment's allocation webhook: POST `body` to `url`, then report the outcome with `settle`. */
export type WebhookCall = {
  /** ID scope and registration ID, for the log. */
  readonly device: string;
  readonly url: string;
  /** JSON text. */
  readonly body: string;
  readonly timeoutMs: number;
  /** Must be called exactly once. Returns why the webhook assigned no hub; `null` = it did. */
  readonly settle: (outcome: WebhookOutcome, nowMs: number) => string | null;
};

export type WebhookOutcome =
  | { readonly kind: 'answered'; readonly status: number; readonly body: string }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'unreachable' };

/** The device and enrollment about which the webhook is asked. */
export type WebhookQuestion = {
  readonly instance: InstanceSettings;
  /** As it was when the device registered. */
  readonly stored: StoredEnrollment;
  /** As the answers spell it. */
  readonly registrationId: string;
  /** `null` for a device that was not registered before. */
  readonly record: RegistrationRecord | null;
  /** Custom data from the device; `undefined` = none. */
  readonly payload: unknown;
  readonly policy: EnrollmentReprovisionPolicy;
};

/** The enrollment's hubs, else all linked hubs; for a device that never moves, only its own. */
function offeredHubs({ instance, stored, record, policy }: WebhookQuestion): readonly string[] {
  const { iotHubs } = stored.enrollment;
  if (record !== null && record.hub !== null && !policy.updateHubAssignment) return [record.hub];
  return iotHubs.length > 0 ? iotHubs : instance.linkedHubs.map(({ hostName }) => hostName);
}

/** The enrollment without its secrets, what is known about the device, and the hubs to choose from. */
export function webhookBody(question: WebhookQuestion): string {
  const { stored, registrationId, record, payload } = question;
  const { enrollment } = stored;
  const isKnown = record !== null && record.hub !== null;
  return JSON.stringify({
    [enrollment.kind === 'group' ? 'enrollmentGroup' : 'individualEnrollment']: enrollmentMember(stored),
    deviceRuntimeContext: {
      registrationId,
      ...(isKnown ? { currentIotHubHostName: record.hub, currentDeviceId: deviceIdOf(record, record.assignment) } : {}),
      [enrollment.attestation.kind]: {},
      payload,
    },
    linkedHubs: offeredHubs(question),
  });
}

/** The webhook could not be called, or the emulator ended before it answered. */
export const INTERRUPTED: AssignmentResult = failed('An error occurred while sending the request.');

/** The assignment that follows from the webhook's answer, or from its absence. */
export function webhookResult(outcome: WebhookOutcome, question: WebhookQuestion): AssignmentResult {
  if (outcome.kind === 'timed-out') return failed('Custom allocation timed out.');
  if (outcome.kind === 'unreachable') return INTERRUPTED;
  if (outcome.status < 200 || outcome.status > 299) {
    return failed(`Custom allocation failed with status code: ${outcome.status}`);
  }
  const answer = parseObject(outcome.body);
  if (answer === null) return failed('Custom allocation did not answer with a JSON object.');
  const hub = answer['iotHubHostName'];
  if (typeof hub !== 'string') return failed('Custom allocation named no IoT hub.');
  if (!offeredHubs(question).includes(hub)) return failed('Custom allocation named an IoT hub that was not offered.');
  const substatus = substatusOf(hub, question.record?.hub ?? null, question.policy);
  const { payload, initialTwin } = answer;
  return {
    hub,
    substatus,
    failure: null,
    ...(payload === undefined || payload === null ? {} : { payload }),
    ...(typeof initialTwin === 'object' && initialTwin !== null ? { initialTwin } : {}),
  };
}

/** Settings that are `null` are left out. */
function enrollmentMember(stored: StoredEnrollment): object {
  const enrollment: Enrollment = stored.enrollment;
  const { attestation, capabilities, provisioningStatus, allocationPolicy, iotHubs } = enrollment;
  return {
    ...(enrollment.kind === 'group'
      ? { enrollmentGroupId: enrollment.enrollmentGroupId }
      : { registrationId: enrollment.registrationId, deviceId: enrollment.deviceId ?? undefined }),
    attestation: { type: attestation.kind },
    capabilities,
    etag: etagOf(stored),
    provisioningStatus,
    reprovisionPolicy: enrollment.reprovisionPolicy ?? undefined,
    createdDateTimeUtc: utcTimestamp(stored.createdAtMs),
    lastUpdatedDateTimeUtc: utcTimestamp(stored.lastUpdatedAtMs),
    allocationPolicy,
    iotHubs,
    customAllocationDefinition: enrollment.customAllocationDefinition,
    initialTwin: enrollment.initialTwin ?? undefined,
    optionalDeviceInformation: enrollment.optionalDeviceInformation ?? undefined,
  };
}

function failed(errorMessage: string): AssignmentResult {
  return { hub: null, substatus: null, failure: { errorCode: ERROR_CODES.customAllocationFailed, errorMessage } };
}
