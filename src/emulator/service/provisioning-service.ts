import { ERROR_CODES } from '../../dps/error-codes.ts';
import type { RegistrationStateBody } from '../../dps/payloads.ts';
import { foldRegistrationId } from '../../dps/registration-id.ts';
import { acceptedAnswer, disabledAnswer, errorAnswer, operationAnswer, type ServiceAnswer } from './answer.ts';
import { type AcceptedRegister, Assignments } from './assignments.ts';
import { attest } from './attestation.ts';
import { type ConnectAnswer, type ConnectedDevice, type ConnectRequest, checkConnect } from './connect-check.ts';
import type { DpsInstance, Enrollment } from './dps-instance.ts';
import { delayMs, uniformHash } from './draws.ts';
import type { FaultPlan } from './fault-plan.ts';
import type { Fault } from './fault-rule.ts';
import type { HubAssignment } from './hub-assignment.ts';
import { InstanceState } from './instance-state.ts';
import { isFull, operationId } from './operation-store.ts';
import type { QuotaAnswer } from './quotas.ts';
import { readRegisterRequest } from './register-request.ts';
import {
  FOR_RECORDS,
  type RecordLine,
  type RegistrationRecord,
  recordLine,
  registrationState,
  spelledId,
} from './registration-record.ts';
import { reportsEverySubstatus } from './reprovisioning.ts';
import type { ServiceBehavior } from './service-behavior.ts';
import { count, emptyCounters, type ServiceCounters } from './service-counters.ts';
import type { WebhookCall } from './webhook.ts';

export type ServiceOptions = {
  readonly instances: readonly DpsInstance[];
  readonly behavior: ServiceBehavior;
  /** Faults of operations; the server injects those of the conversation. Absent = none. */
  readonly faults?: FaultPlan;
  /** Tells the hubs of each device that is assigned. Absent = there are no hubs. */
  readonly onAssigned?: (assigned: HubAssignment) => void;
  /** Returns a new lower-case GUID on each call, for operation IDs and tracking IDs. */
  readonly newGuid: () => string;
};

type FoundEnrollment =
  | { readonly kind: 'enrolled'; readonly enrollment: Enrollment }
  | { readonly kind: 'refused'; readonly answer: ServiceAnswer };

type ErrorAnswerFault = Extract<Fault, { kind: 'error-answer' }>;

/**
 * The provisioning service without network or clock: the device's request and the time go in, the service's answer comes
 * out. `nowMs` is milliseconds since 1970 and must not go backwards.
 */
export class ProvisioningService {
  readonly counters: ServiceCounters = emptyCounters();
  readonly #options: ServiceOptions;
  readonly #instances: ReadonlyMap<string, DpsInstance>;
  /** By ID scope. */
  readonly #states: ReadonlyMap<string, InstanceState>;
  readonly #assignments: Assignments;

  constructor(options: ServiceOptions) {
    const { instances, behavior, faults = null, onAssigned = null } = options;
    this.#options = options;
    this.#instances = new Map(instances.map((instance) => [instance.idScope, instance]));
    this.#states = new Map(instances.map((instance) => [instance.idScope, new InstanceState(instance)]));
    this.#assignments = new Assignments(behavior, faults, this.counters, onAssigned);
  }

  connect(request: ConnectRequest, nowMs: number): ConnectAnswer {
    const answer = checkConnect(request, this.#instances, nowMs, this.#options.behavior);
    if (answer.returnCode === 0) this.counters.connectsAccepted += 1;
    else count(this.counters.connectsRefused, answer.returnCode);
    return answer;
  }

  /** Returns whether a register request of this connection would be attested. */
  isAttested(device: ConnectedDevice, nowMs: number): boolean {
    return this.#enrollmentOf(device, nowMs).kind === 'enrolled';
  }

  /** @param body payload of the register request */
  register(device: ConnectedDevice, body: string, nowMs: number): ServiceAnswer {
    return this.#counted('register', this.#register(device, body, nowMs));
  }

  poll(device: ConnectedDevice, id: string, nowMs: number): ServiceAnswer {
    return this.#counted('poll', this.#poll(device, id, nowMs));
  }

  /** The error answer with which a fault replaces the processing of a request. */
  refuseByFault(
    request: 'register' | 'poll',
    { errorCode, retryAfterSeconds }: ErrorAnswerFault,
    nowMs: number,
  ): ServiceAnswer {
    const details = { refusal: 'injected fault', trackingId: this.#options.newGuid(), retryAfterSeconds };
    return this.#counted(request, errorAnswer(errorCode, details, nowMs));
  }

  /** From the arrival of a device's request to its answer. */
  answerDelayMs({ registrationId }: ConnectedDevice): number {
    const { registrationAttempts, polls } = this.counters;
    return delayMs(this.#options.behavior.answerDelayMs, 'answer', registrationId, registrationAttempts, polls);
  }

  /** The webhook calls that register requests caused since the last time. Each must be made and settled. */
  takeWebhookCalls(): readonly WebhookCall[] {
    return this.#assignments.webhookCalls.splice(0);
  }

  /** Registration records, by instance, in the order of first registration. */
  *records(nowMs: number): Iterable<RecordLine> {
    for (const [idScope, { records }] of this.#states) {
      for (const record of records.values()) yield recordLine(idScope, record, nowMs);
    }
  }

  /** One registration as the service API reports it, without its attestation; `null` = unknown. */
  registration(idScope: string, registrationId: string, nowMs: number): RegistrationStateBody | null {
    const record = this.#recordsOf(idScope).get(foldRegistrationId(registrationId));
    return record === undefined ? null : this.#stateOfRecord(record, nowMs);
  }

  /** Every registration of an enrollment group, in the order of first registration. Each state is built when called. */
  *registrationsOfGroup(idScope: string, groupId: string, nowMs: number): Iterable<() => RegistrationStateBody> {
    const key = foldRegistrationId(groupId);
    for (const record of this.#recordsOf(idScope).values()) {
      const { enrollment } = record;
      const isOfGroup = enrollment.kind === 'group' && foldRegistrationId(enrollment.enrollmentGroupId) === key;
      if (isOfGroup) yield () => this.#stateOfRecord(record, nowMs);
    }
  }

  #register(device: ConnectedDevice, body: string, nowMs: number): ServiceAnswer {
    const key = foldRegistrationId(device.registrationId);
    const state = this.#stateOf(device.instance);
    const request = readRegisterRequest(body, device.registrationId);
    if (request.kind === 'refused') return this.#refuse(ERROR_CODES.badRequest, request.reason, nowMs);
    const throttled = this.#throttled(state.quotas.register(nowMs), nowMs);
    if (throttled !== null) return throttled;
    this.counters.attestationAttempts += 1;
    const found = this.#enrollmentOf(device, nowMs);
    if (found.kind === 'refused') return found.answer;
    const { enrollment } = found;
    if (this.#isInConflict(state, key, nowMs)) {
      return this.#refuse(ERROR_CODES.preconditionFailed, 'another register request of this ID is in progress', nowMs);
    }
    return this.#accept({ device, enrollment, state, payload: request.payload }, nowMs);
  }

  /** The enabled enrollment that the credentials fit, which the connection remembers, or the answer that refuses them. */
  #enrollmentOf(device: ConnectedDevice, nowMs: number): FoundEnrollment {
    const { derivationCase, unknownAnswer, disabledAnswer: disabled } = this.#options.behavior;
    const refused = (errorCode: number, reason: string): FoundEnrollment => ({
      kind: 'refused',
      answer: this.#refuse(errorCode, reason, nowMs),
    });
    const individual = this.#stateOf(device.instance).individualEnrollment(foldRegistrationId(device.registrationId));
    const verdict = attest(device, individual, nowMs, derivationCase);
    if (verdict.kind === 'unknown') {
      const isUnauthorized = unknownAnswer === 'unauthorized';
      return refused(isUnauthorized ? ERROR_CODES.unauthorized : ERROR_CODES.enrollmentNotFound, verdict.reason);
    }
    if (verdict.kind === 'refused') return refused(verdict.errorCode, verdict.reason);
    const { enrollment } = verdict;
    if (enrollment.provisioningStatus === 'disabled') {
      if (disabled === 'unauthorized') return refused(ERROR_CODES.unauthorized, 'the enrollment is disabled');
      return { kind: 'refused', answer: disabledAnswer(spelledId(enrollment, device.registrationId)) };
    }
    device.isAttested = true;
    return { kind: 'enrolled', enrollment };
  }

  #accept(request: AcceptedRegister, nowMs: number): ServiceAnswer {
    const { instance, registrationId, apiVersion } = request.device;
    const { behavior, newGuid } = this.#options;
    const record = this.#assignments.start(request, nowMs);
    const operation = {
      operationId: operationId(instance.idScope, foldRegistrationId(registrationId), newGuid()),
      record,
      assignment: record.assignment,
      reportsEverySubstatus: reportsEverySubstatus(apiVersion),
      expiresAtMs: nowMs + behavior.operationLifetimeMs,
      next: null,
    };
    request.state.operations.add(operation, nowMs);
    return acceptedAnswer(operation.operationId, behavior.retryAfterSeconds);
  }

  #poll(device: ConnectedDevice, id: string, nowMs: number): ServiceAnswer {
    const state = this.#stateOf(device.instance);
    const key = foldRegistrationId(device.registrationId);
    const throttled = this.#throttled(state.quotas.poll(key, nowMs), nowMs);
    if (throttled !== null) return throttled;
    // A signature costs as much as the rest of a poll: it is checked once for each connection.
    const found = device.isAttested ? null : this.#enrollmentOf(device, nowMs);
    if (found?.kind === 'refused') return found.answer;
    const operation = state.operations.find(id, nowMs);
    const isOwn = operation !== null && foldRegistrationId(operation.assignment.registrationId) === key;
    if (!isOwn) return this.#refuse(ERROR_CODES.operationNotFound, 'unknown or expired operation', nowMs);
    const { retryAfterSeconds, namesEnrollmentGroup } = this.#options.behavior;
    const { record, assignment, reportsEverySubstatus } = operation;
    const body = registrationState(record, assignment, { reportsEverySubstatus, namesEnrollmentGroup }, nowMs);
    return operationAnswer(id, body, retryAfterSeconds);
  }

  #isInConflict({ records }: InstanceState, key: string, nowMs: number): boolean {
    const { conflictShare, operationLifetimeMs } = this.#options.behavior;
    const record = records.get(key);
    if (record === undefined) return false;
    if (isFull(record)) return true;
    if (conflictShare === 0) return false;
    const endsAtMs = Math.min(record.assignment.readyAtMs, record.registeredAtMs + operationLifetimeMs);
    if (nowMs >= endsAtMs) return false;
    return uniformHash('conflict', key, record.registers, this.counters.registrationAttempts) < conflictShare;
  }

  #counted(request: 'register' | 'poll', answer: ServiceAnswer): ServiceAnswer {
    this.counters[request === 'register' ? 'registrationAttempts' : 'polls'] += 1;
    count(this.counters[`${request}Answers`], answer.status);
    return answer;
  }

  #throttled(quota: QuotaAnswer, nowMs: number): ServiceAnswer | null {
    if (quota.isWithin) return null;
    const { retryAfterSeconds } = quota;
    return errorAnswer(ERROR_CODES.throttled, { refusal: 'throttled', trackingId: '', retryAfterSeconds }, nowMs);
  }

  #refuse(errorCode: number, refusal: string, nowMs: number): ServiceAnswer {
    return errorAnswer(errorCode, { refusal, trackingId: this.#options.newGuid(), retryAfterSeconds: null }, nowMs);
  }

  #stateOfRecord(record: RegistrationRecord, nowMs: number): RegistrationStateBody {
    const { x509: _, ...state } = registrationState(record, record.assignment, FOR_RECORDS, nowMs);
    return state;
  }

  #recordsOf(idScope: string): ReadonlyMap<string, RegistrationRecord> {
    return this.#states.get(idScope)?.records ?? new Map();
  }

  #stateOf({ idScope }: DpsInstance): InstanceState {
    const state = this.#states.get(idScope);
    if (state === undefined) throw new Error(`no state for ID scope ${idScope}`);
    return state;
  }
}
