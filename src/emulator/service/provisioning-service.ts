import { ERROR_CODES } from '../../dps/error-codes.ts';
import type { RegistrationStateBody } from '../../dps/payloads.ts';
import { foldRegistrationId } from '../../dps/registration-id.ts';
import { acceptedAnswer, disabledAnswer, errorAnswer, operationAnswer, type ServiceAnswer } from './answer.ts';
import { type AcceptedRegister, Assignments } from './assignments.ts';
import { attest } from './attestation.ts';
import { type ConnectAnswer, type ConnectedDevice, type ConnectRequest, checkConnect } from './connect-check.ts';
import { deletedRecordKind } from './deleted-record-kind.ts';
import type { DpsInstance } from './dps-instance.ts';
import { delayMs, uniformHash } from './draws.ts';
import { enrollmentKind } from './enrollment-kind.ts';
import type { StoredEnrollment } from './enrollment-store.ts';
import type { FaultPlan } from './fault-plan.ts';
import type { Fault } from './fault-rule.ts';
import type { HubAssignment } from './hub-assignment.ts';
import type { InstanceState } from './instance-state.ts';
import { InstanceTable } from './instance-table.ts';
import { operationKind } from './operation-kind.ts';
import { isFull, operationId } from './operation-store.ts';
import type { QuotaAnswer } from './quotas.ts';
import { ReadOperations } from './read-operations.ts';
import { readRegisterRequest } from './register-request.ts';
import { registrationKind, registrationToLine } from './registration-kind.ts';
import { type RecordLine, recordLine, registrationState, spelledId, stateForReaders } from './registration-record.ts';
import { reportsEverySubstatus } from './reprovisioning.ts';
import type { ServiceBehavior } from './service-behavior.ts';
import { count, emptyCounters, recount, type ServiceCounters } from './service-counters.ts';
import type { StateKind, StateLine } from './state-kind.ts';
import type { WebhookCall } from './webhook.ts';

export type ServiceOptions = {
  readonly instances: readonly DpsInstance[];
  readonly behavior: ServiceBehavior;
  /** When the enrollments of the instances were created, milliseconds since 1970. Absent = in 1970. */
  readonly startedAtMs?: number;
  /** Faults of operations; the server injects those of the conversation. Absent = none. */
  readonly faults?: FaultPlan;
  /** Tells the hubs of each device that is assigned. Absent = there are no hubs. */
  readonly onAssigned?: (assigned: HubAssignment) => void;
  /** Returns a new lower-case GUID on each call, for operation IDs and tracking IDs. */
  readonly newGuid: () => string;
  /** Gets what changes, for whoever keeps the state and takes it out. Absent or `null` = nobody does. */
  readonly changes?: StateLine[] | null;
};

type FoundEnrollment =
  | { readonly kind: 'enrolled'; readonly stored: StoredEnrollment }
  | { readonly kind: 'refused'; readonly answer: ServiceAnswer };

type ErrorAnswerFault = Extract<Fault, { kind: 'error-answer' }>;

/**
 * The provisioning service without network or clock: the device's request and the time go in, the service's answer comes
 * out. `nowMs` is milliseconds since 1970 and must not go backwards.
 */
export class ProvisioningService {
  readonly counters: ServiceCounters = emptyCounters();
  /** May be replaced at any time. */
  behavior: ServiceBehavior;
  /** How far `nowMs` is ahead of the time by which tokens and certificates are valid: devices' clocks are not put forward. */
  aheadMs = 0;
  readonly #newGuid: () => string;
  readonly #instances: InstanceTable;
  readonly #assignments: Assignments;
  readonly #changes: StateLine[] | null;

  constructor({ instances, behavior, startedAtMs = 0, faults, newGuid, ...told }: ServiceOptions) {
    const { onAssigned = null, changes = null } = told;
    this.behavior = behavior;
    this.#newGuid = newGuid;
    this.#instances = new InstanceTable(instances, startedAtMs, changes);
    this.#assignments = new Assignments(() => this.behavior, faults ?? null, this.counters, { onAssigned, changes });
    this.#changes = changes;
  }

  /** An instance that devices can reach; `null` = unknown ID scope. */
  instance(idScope: string): InstanceState | null {
    return this.#instances.open.get(idScope) ?? null;
  }

  /** The instances that devices can reach, in the order of the configuration. */
  get instances(): Iterable<InstanceState> {
    return this.#instances.open.values();
  }

  /** Makes these the instances. Of those that stay, what differs is changed; of those that go, the records stay. */
  configure(instances: readonly DpsInstance[], nowMs: number): void {
    this.#instances.configure(instances, nowMs);
  }

  /** Forgets all devices and counts, and puts enrollments back to the configuration. Connections stay. */
  reset(nowMs: number): void {
    this.#instances.reset(nowMs);
    Object.assign(this.counters, emptyCounters());
  }

  connect(request: ConnectRequest, nowMs: number): ConnectAnswer {
    const answer = checkConnect(request, this.#instances.open, nowMs - this.aheadMs, this.behavior);
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
    const details = { refusal: 'injected fault', trackingId: this.#newGuid(), retryAfterSeconds };
    return this.#counted(request, errorAnswer(errorCode, details, nowMs));
  }

  /** From the arrival of a device's request to its answer. */
  answerDelayMs({ registrationId }: ConnectedDevice): number {
    const { registrationAttempts, polls } = this.counters;
    return delayMs(this.behavior.answerDelayMs, 'answer', registrationId, registrationAttempts, polls);
  }

  /** The webhook calls that register requests caused since the last time. Each must be made and settled. */
  takeWebhookCalls(): readonly WebhookCall[] {
    return this.#assignments.webhookCalls.splice(0);
  }

  /** The kinds of lines of which this service's state is made. A service that reads them must not have served anyone yet. */
  stateKinds(): readonly StateKind[] {
    const [instances, read] = [this.#instances, new ReadOperations()];
    return [
      registrationKind(instances, read),
      deletedRecordKind(instances, read),
      operationKind(instances, read),
      enrollmentKind(instances),
    ];
  }

  /** When the service last accepted a register request or changed an enrollment, milliseconds since 1970; `null` = never. */
  lastChangedAtMs(): number | null {
    let last: number | null = null;
    for (const { records, enrollments } of this.#instances.all) {
      for (const { registeredAtMs } of records.values()) last = Math.max(last ?? 0, registeredAtMs);
      for (const table of [enrollments.individuals, enrollments.groups]) {
        for (const { lastUpdatedAtMs } of table.list()) last = Math.max(last ?? 0, lastUpdatedAtMs);
      }
    }
    return last;
  }

  /** The answer in place of one that tells what could not be kept. */
  refuseUnkept(request: 'register' | 'poll', { status }: ServiceAnswer, nowMs: number): ServiceAnswer {
    const answer = this.#refuse(ERROR_CODES.internal, 'the state cannot be written', nowMs);
    recount(this.counters[`${request}Answers`], status, answer.status);
    return answer;
  }

  /** Registration records, by instance, in the order of first registration. */
  *records(nowMs: number): Iterable<RecordLine> {
    for (const { idScope, records } of this.#instances.all) {
      for (const record of records.values()) yield recordLine(idScope, record, nowMs);
    }
  }

  /** One registration as the service API reports it, without its attestation; `null` = unknown. */
  registration(idScope: string, registrationId: string, nowMs: number): RegistrationStateBody | null {
    const record = this.#instances.get(idScope)?.records.get(foldRegistrationId(registrationId));
    return record === undefined ? null : stateForReaders(record, nowMs);
  }

  /** Every registration of an enrollment group, in the order of first registration. Each state is built when called. */
  *registrationsOfGroup(idScope: string, groupId: string, nowMs: number): Iterable<() => RegistrationStateBody> {
    const records = this.#instances.get(idScope)?.recordsOfGroup(groupId) ?? [];
    for (const record of records) yield () => stateForReaders(record, nowMs);
  }

  #register(device: ConnectedDevice, body: string, nowMs: number): ServiceAnswer {
    const key = foldRegistrationId(device.registrationId);
    const { instance } = device;
    const request = readRegisterRequest(body, device.registrationId);
    if (request.kind === 'refused') return this.#refuse(ERROR_CODES.badRequest, request.reason, nowMs);
    const throttled = this.#throttled(instance.quotas.register(nowMs), nowMs);
    if (throttled !== null) return throttled;
    this.counters.attestationAttempts += 1;
    const found = this.#enrollmentOf(device, nowMs);
    if (found.kind === 'refused') return found.answer;
    if (this.#isInConflict(instance, key, nowMs)) {
      return this.#refuse(ERROR_CODES.preconditionFailed, 'another register request of this ID is in progress', nowMs);
    }
    return this.#accept({ device, stored: found.stored, payload: request.payload }, nowMs);
  }

  /** The enabled enrollment that the credentials fit, which the connection remembers, or the answer that refuses them. */
  #enrollmentOf(device: ConnectedDevice, nowMs: number): FoundEnrollment {
    const { derivationCase, unknownAnswer, disabledAnswer: disabled } = this.behavior;
    const refused = (errorCode: number, reason: string): FoundEnrollment => ({
      kind: 'refused',
      answer: this.#refuse(errorCode, reason, nowMs),
    });
    const verdict = attest(device, nowMs - this.aheadMs, derivationCase);
    if (verdict.kind === 'unknown') {
      const isUnauthorized = unknownAnswer === 'unauthorized';
      return refused(isUnauthorized ? ERROR_CODES.unauthorized : ERROR_CODES.enrollmentNotFound, verdict.reason);
    }
    if (verdict.kind === 'refused') return refused(verdict.errorCode, verdict.reason);
    const { stored } = verdict;
    const { enrollment } = stored;
    if (enrollment.provisioningStatus === 'disabled') {
      if (disabled === 'unauthorized') return refused(ERROR_CODES.unauthorized, 'the enrollment is disabled');
      return { kind: 'refused', answer: disabledAnswer(spelledId(enrollment, device.registrationId)) };
    }
    device.attestedInRevision = device.instance.enrollments.revision;
    return { kind: 'enrolled', stored };
  }

  #accept(request: AcceptedRegister, nowMs: number): ServiceAnswer {
    const { instance, registrationId, apiVersion } = request.device;
    const record = this.#assignments.start(request, nowMs);
    const operation = {
      operationId: operationId(instance.idScope, foldRegistrationId(registrationId), this.#newGuid()),
      record,
      assignment: record.assignment,
      reportsEverySubstatus: reportsEverySubstatus(apiVersion),
      expiresAtMs: nowMs + this.behavior.operationLifetimeMs,
      next: null,
    };
    instance.operations.add(operation, nowMs);
    this.#changes?.push(registrationToLine(instance.idScope, record));
    return acceptedAnswer(operation.operationId, this.behavior.retryAfterSeconds);
  }

  #poll(device: ConnectedDevice, id: string, nowMs: number): ServiceAnswer {
    const { instance } = device;
    const key = foldRegistrationId(device.registrationId);
    const throttled = this.#throttled(instance.quotas.poll(key, nowMs), nowMs);
    if (throttled !== null) return throttled;
    // A signature costs as much as the rest of a poll: it is checked once for each connection, and after changes.
    const isAttested = device.attestedInRevision === instance.enrollments.revision;
    const found = isAttested ? null : this.#enrollmentOf(device, nowMs);
    if (found?.kind === 'refused') return found.answer;
    const operation = instance.operations.find(id, nowMs);
    const isOwn = operation !== null && foldRegistrationId(operation.assignment.registrationId) === key;
    if (!isOwn) return this.#refuse(ERROR_CODES.operationNotFound, 'unknown or expired operation', nowMs);
    const { retryAfterSeconds, namesEnrollmentGroup } = this.behavior;
    const { record, assignment, reportsEverySubstatus } = operation;
    const body = registrationState(record, assignment, { reportsEverySubstatus, namesEnrollmentGroup }, nowMs);
    return operationAnswer(id, body, retryAfterSeconds);
  }

  #isInConflict({ records }: InstanceState, key: string, nowMs: number): boolean {
    const { conflictShare, operationLifetimeMs } = this.behavior;
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
    return errorAnswer(errorCode, { refusal, trackingId: this.#newGuid(), retryAfterSeconds: null }, nowMs);
  }
}
