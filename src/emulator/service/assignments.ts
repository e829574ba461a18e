import { ERROR_CODES } from '../../dps/error-codes.ts';
import type { Substatus } from '../../dps/payloads.ts';
import { foldRegistrationId } from '../../dps/registration-id.ts';
import { allocate } from './allocation.ts';
import type { ConnectedDevice } from './connect-check.ts';
import { delayMs } from './draws.ts';
import type { StoredEnrollment } from './enrollment-store.ts';
import type { FaultPlan } from './fault-plan.ts';
import { authenticationOf, type HubAssignment } from './hub-assignment.ts';
import type { InstanceState } from './instance-state.ts';
import { settledLines } from './registration-kind.ts';
import {
  type Assignment,
  type AssignmentResult,
  deviceIdOf,
  type RegistrationRecord,
  spelledId,
} from './registration-record.ts';
import { reprovisionPolicyOf, substatusOf } from './reprovisioning.ts';
import type { ServiceBehavior } from './service-behavior.ts';
import type { ServiceCounters } from './service-counters.ts';
import type { StateLine } from './state-kind.ts';
import { type WebhookCall, type WebhookQuestion, webhookBody, webhookResult } from './webhook.ts';

const NO_HUB: AssignmentResult = {
  hub: null,
  substatus: null,
  failure: {
    errorCode: ERROR_CODES.noHubLinked,
    errorMessage: 'No IoT hub is linked, or none is available for this enrollment.',
  },
};

/** Cases in which the hub creates a new twin; otherwise the device keeps its twin, even at another hub. */
const STARTS_ANEW: ReadonlySet<Substatus> = new Set(['initialAssignment', 'deviceDataReset']);

/** A register request that was accepted. */
export type AcceptedRegister = {
  readonly device: ConnectedDevice;
  readonly stored: StoredEnrollment;
  readonly payload: unknown;
};

/** Who is told of what is decided. */
type Told = {
  /** The hubs; `null` = there are none. */
  readonly onAssigned: ((assigned: HubAssignment) => void) | null;
  /** Of what a webhook decides; `null` = nobody keeps the state. */
  readonly changes: StateLine[] | null;
};

/** Decides where devices go: immediately by an allocation policy, or later by a webhook. */
export class Assignments {
  /** Calls that are still to be made; whoever makes them removes them. */
  readonly webhookCalls: WebhookCall[] = [];
  readonly #behavior: () => ServiceBehavior;
  readonly #faults: FaultPlan | null;
  readonly #counters: ServiceCounters;
  readonly #told: Told;

  constructor(behavior: () => ServiceBehavior, faults: FaultPlan | null, counters: ServiceCounters, told: Told) {
    this.#behavior = behavior;
    this.#faults = faults;
    this.#counters = counters;
    this.#told = told;
  }

  /** Starts the assignment of an accepted request, and enters it in the device's record. */
  start({ device, stored, payload }: AcceptedRegister, nowMs: number): RegistrationRecord {
    const { instance: state, apiVersion } = device;
    const { settings: instance } = state;
    const { enrollment } = stored;
    const registrationId = spelledId(enrollment, device.registrationId);
    const key = foldRegistrationId(registrationId);
    const policy = reprovisionPolicyOf(enrollment, apiVersion);
    const previous = state.records.get(key) ?? null;
    const question = { instance, stored, registrationId, record: previous && { ...previous }, payload, policy };
    const assignment: Assignment = { registrationId, result: null, readyAtMs: Number.POSITIVE_INFINITY };
    const record = state.update(enrollment, assignment, nowMs);
    const definition = enrollment.customAllocationDefinition;
    if (enrollment.allocationPolicy === 'custom' && definition !== null) {
      this.webhookCalls.push({
        device: `${instance.idScope}/${key}`,
        url: definition.webhookUrl,
        body: webhookBody(question),
        timeoutMs: this.#behavior().webhookTimeoutMs,
        settle: (outcome, atMs) => {
          const result = webhookResult(outcome, question);
          this.#settle(assignment, result, { record, state, question, device }, atMs);
          // A reset may have forgotten the device.
          if (state.records.get(key) === record)
            this.#told.changes?.push(...settledLines(instance.idScope, record, assignment));
          return result.failure?.errorMessage ?? null;
        },
      });
      return record;
    }
    const staysAt = policy.updateHubAssignment ? null : (previous?.hub ?? null);
    const hub = staysAt ?? allocate(instance, enrollment, { key, sourceAddress: addressOf(device) })?.hostName ?? null;
    const substatus = hub === null ? null : substatusOf(hub, previous?.hub ?? null, policy);
    const result = hub === null || substatus === null ? NO_HUB : { hub, substatus, failure: null };
    this.#settle(assignment, result, { record, state, question, device }, nowMs);
    return record;
  }

  /** Enters the result, which the device gets once the hub has created its identity. */
  #settle(assignment: Assignment, result: AssignmentResult, settling: Settling, nowMs: number): void {
    const { record, state, question } = settling;
    const fault = this.#faults?.next('assignment', assignment.registrationId, nowMs) ?? null;
    assignment.result = result;
    const { assignmentDelayMs } = this.#behavior();
    const decidedAtMs = nowMs + delayMs(assignmentDelayMs, 'assignment', assignment.registrationId, record.registers);
    assignment.readyAtMs = this.#identityCreatedAtMs(result, question, state, decidedAtMs);
    if (fault?.kind === 'endless-assigning') assignment.readyAtMs = Number.POSITIVE_INFINITY;
    if (fault?.kind === 'slow-assignment') assignment.readyAtMs += fault.delayMs;
    if (fault?.kind === 'fail-assignment') {
      const { errorCode, errorMessage } = fault;
      assignment.result = { hub: null, substatus: null, failure: { errorCode, errorMessage } };
    }
    if (assignment.result.hub === null || assignment.readyAtMs === Number.POSITIVE_INFINITY) return;
    this.#counters.deviceAssignments += 1;
    if (record.assignment !== assignment) return;
    record.hub = assignment.result.hub;
    if (STARTS_ANEW.has(assignment.result.substatus)) {
      record.initialTwin = assignment.result.initialTwin ?? question.stored.enrollment.initialTwin;
    }
    this.#told.onAssigned?.(this.#hubAssignment(assignment, assignment.result, settling));
  }

  #hubAssignment(
    assignment: Assignment,
    { hub, substatus, initialTwin }: SuccessfulResult,
    { record, question, device }: Settling,
  ): HubAssignment {
    const { stored, registrationId, record: previous } = question;
    const { enrollment } = stored;
    const from = previous?.hub ?? null;
    return {
      hub,
      deviceId: deviceIdOf(record, assignment),
      substatus,
      movesFrom:
        previous === null || from === null || from === hub
          ? null
          : { hub: from, deviceId: deviceIdOf(previous, previous.assignment) },
      authentication: authenticationOf(enrollment, registrationId, device, this.#behavior()),
      iotEdge: enrollment.capabilities.iotEdge,
      initialTwin: initialTwin ?? enrollment.initialTwin,
      atMs: assignment.readyAtMs,
    };
  }

  /** A device that stays at its hub needs no new identity. */
  #identityCreatedAtMs(
    { hub }: AssignmentResult,
    { instance, record }: WebhookQuestion,
    state: InstanceState,
    atMs: number,
  ): number {
    const newHub = hub === record?.hub ? undefined : instance.linkedHubs.find(({ hostName }) => hostName === hub);
    return newHub === undefined ? atMs : state.identities.createdAtMs(newHub, atMs);
  }
}

type SuccessfulResult = Extract<AssignmentResult, { readonly failure: null }>;

/** Only latency regions depend on it. */
function addressOf({ instance, sourceAddress }: ConnectedDevice): string | null {
  return instance.settings.latencyRegions.length === 0 ? null : sourceAddress();
}

type Settling = {
  readonly device: ConnectedDevice;
  readonly record: RegistrationRecord;
  readonly state: InstanceState;
  readonly question: WebhookQuestion;
};
