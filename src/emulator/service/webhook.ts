import { ERROR_CODES } from '../../dps/error-codes.ts';
import type { DpsInstance, Enrollment, EnrollmentReprovisionPolicy } from './dps-instance.ts';
import { parseObject } from './register-request.ts';
import { type AssignmentResult, deviceIdOf, type RegistrationRecord } from './registration-record.ts';
import { substatusOf } from './reprovisioning.ts';

/** A call of an enrollment's allocation webhook: POST `body` to `url`, and hand back how it ended. */
export type WebhookCall = {
  readonly url: string;
  /** JSON text. */
  readonly body: string;
  readonly timeoutMs: number;
  /** Must be called once. */
  readonly settle: (outcome: WebhookOutcome, nowMs: number) => void;
};

export type WebhookOutcome =
  | { readonly kind: 'answered'; readonly status: number; readonly body: string }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'unreachable' };

/** What the webhook is asked about. */
export type WebhookQuestion = {
  readonly instance: DpsInstance;
  readonly enrollment: Enrollment;
  readonly registrationId: string;
  /** `null` for a device that was not registered before. */
  readonly record: RegistrationRecord | null;
  /** What the device sent as custom data; `undefined` = nothing. */
  readonly payload: unknown;
  readonly policy: EnrollmentReprovisionPolicy;
};

/** The enrollment's hubs, else all linked ones; for a device that never moves, its own alone. */
function offeredHubs({ instance, enrollment, record, policy }: WebhookQuestion): readonly string[] {
  if (record !== null && record.hub !== null && !policy.updateHubAssignment) return [record.hub];
  return enrollment.iotHubs.length > 0 ? enrollment.iotHubs : instance.linkedHubs.map(({ hostName }) => hostName);
}

/** The request's body: enrollment without its secrets, what is known of the device, and the hubs to choose from. */
export function webhookBody(question: WebhookQuestion): string {
  const { enrollment, registrationId, record, payload } = question;
  const previous =
    record === null || record.hub === null
      ? {}
      : { currentIotHubHostName: record.hub, currentDeviceId: deviceIdOf(record) };
  return JSON.stringify({
    [enrollment.kind === 'group' ? 'enrollmentGroup' : 'individualEnrollment']: enrollmentMember(enrollment),
    deviceRuntimeContext: {
      registrationId,
      ...previous,
      [enrollment.attestation.kind]: {},
      ...(payload === undefined ? {} : { payload }),
    },
    linkedHubs: offeredHubs(question),
  });
}

/** What the webhook's answer, or its absence, leads to. */
export function webhookResult(outcome: WebhookOutcome, question: WebhookQuestion): AssignmentResult {
  if (outcome.kind === 'timed-out') return failed('Custom allocation timed out.');
  if (outcome.kind === 'unreachable') return failed('An error occurred while sending the request.');
  if (outcome.status < 200 || outcome.status > 299) {
    return failed(`Custom allocation failed with status code: ${outcome.status}`);
  }
  const answer = parseObject(outcome.body);
  if (answer === null) return failed('Custom allocation answered no JSON object.');
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

function enrollmentMember(enrollment: Enrollment): object {
  const identity =
    enrollment.kind === 'group'
      ? { enrollmentGroupId: enrollment.enrollmentGroupId }
      : {
          registrationId: enrollment.registrationId,
          ...(enrollment.deviceId === null ? {} : { deviceId: enrollment.deviceId }),
        };
  const { capabilities, provisioningStatus, reprovisionPolicy, allocationPolicy, iotHubs } = enrollment;
  const { customAllocationDefinition, initialTwin, optionalDeviceInformation } = enrollment;
  return {
    ...identity,
    attestation: { type: enrollment.attestation.kind },
    capabilities,
    provisioningStatus,
    ...(reprovisionPolicy === null ? {} : { reprovisionPolicy }),
    allocationPolicy,
    iotHubs,
    customAllocationDefinition,
    ...(initialTwin === null ? {} : { initialTwin }),
    ...(optionalDeviceInformation === null ? {} : { optionalDeviceInformation }),
  };
}

function failed(errorMessage: string): AssignmentResult {
  return { hub: null, substatus: null, failure: { errorCode: ERROR_CODES.customAllocationFailed, errorMessage } };
}
