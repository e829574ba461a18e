import { isApiVersion } from '../../../dps/api-versions.ts';
import type { FaultPlan } from '../fault-plan.ts';
import type { Fault } from '../fault-rule.ts';
import type { ProvisioningService } from '../provisioning-service.ts';
import { count, recount } from '../service-counters.ts';
import type { ApiOperation } from './api-call.ts';
import { API_ERRORS, type ApiAnswer, ApiRefusal, type ApiRequest, refusalAnswer } from './api-message.ts';
import { operationOf, type Route, routeOf, segmentsOf } from './api-routes.ts';
import { type Authorized, authorize } from './authorization.ts';
import { invalid } from './json-body.ts';

export type ServiceApiOptions = {
  readonly service: ProvisioningService;
  readonly faults: FaultPlan;
  /** Base64 key of the policy `provisioningserviceowner`, for instances without policies of their own. */
  readonly ownerKey: string;
  /** Returns a new GUID on each call, for request and tracking IDs. */
  readonly newGuid: () => string;
  /** Returns a new symmetric key on each call, base64. */
  readonly newKey: () => string;
};

/** What becomes of a request. */
export type ApiOutcome = {
  readonly answer: ApiAnswer;
  /** `cut`: the connection is closed instead of an answer. `silence`: nothing is sent. */
  readonly delivery: 'answer' | 'cut' | 'silence';
  readonly afterMs: number;
  /** Whether the connection is closed after the answer. */
  readonly closes: boolean;
};

/**
 * The service API without network, clock or randomness: the request and the time go in, the answer comes out. What is changed counts
 * for the next request of a device.
 */
export class ServiceApi {
  readonly #options: ServiceApiOptions;

  constructor(options: ServiceApiOptions) {
    this.#options = options;
  }

  handle(request: ApiRequest, nowMs: number): ApiOutcome {
    const { faults, service } = this.#options;
    const fault = faults.next('service-request', subjectOf(request), nowMs);
    const outcome = outcomeUnder(
      fault,
      () => this.#answer(request, nowMs),
      (code, seconds) => this.#fault(code, seconds, nowMs),
    );
    count(service.counters.serviceApiAnswers, outcome.answer.status);
    return outcome;
  }

  /** The answer to a request that is not handled, such as one that is too large. */
  refuse(refusal: ApiRefusal, nowMs: number): ApiAnswer {
    const requestId = this.#options.newGuid();
    const answer = refusalAnswer(refusal, requestId, nowMs);
    return { ...answer, headers: { ...answer.headers, 'x-ms-request-id': requestId } };
  }

  /** The answer in place of one that tells what could not be kept. */
  refuseUnkept({ status }: ApiAnswer, nowMs: number): ApiAnswer {
    const refused = this.refuse(new ApiRefusal(API_ERRORS.internal, 'The state cannot be written.'), nowMs);
    recount(this.#options.service.counters.serviceApiAnswers, status, refused.status);
    return refused;
  }

  #answer(request: ApiRequest, nowMs: number): ApiAnswer {
    try {
      const answer = this.#carryOut(request, nowMs);
      return { ...answer, headers: { ...answer.headers, 'x-ms-request-id': this.#options.newGuid() } };
    } catch (error) {
      if (error instanceof ApiRefusal) return this.refuse(error, nowMs);
      throw error;
    }
  }

  #fault(errorCode: number, retryAfterSeconds: number | null, nowMs: number): ApiAnswer {
    const headers = retryAfterSeconds === null ? {} : { 'retry-after': String(retryAfterSeconds) };
    return this.refuse(new ApiRefusal(errorCode, 'Injected fault.', headers), nowMs);
  }

  /** @throws ApiRefusal */
  #carryOut(request: ApiRequest, nowMs: number): ApiAnswer {
    const { service, newKey } = this.#options;
    const [path = '', query = ''] = request.target.split('?', 2);
    const segments = segmentsOf(path);
    const { instance, permissions } = this.#authorize(request, segments, nowMs);
    const route = routeOf(segments, request.method);
    const operation = operationOf(route, request.method);
    const behavior = service.behavior.serviceApi;
    if (!permissions.includes(operation.permission)) {
      const isForbidden = behavior.missingPermission === 'forbidden';
      const message = `The policy does not have the permission ${operation.permission}.`;
      throw new ApiRefusal(isForbidden ? API_ERRORS.forbidden : API_ERRORS.unauthorized, message);
    }
    this.#takeFromBudget({ instance, permissions }, operation, request, nowMs);
    if (!isApiVersion(new URLSearchParams(query).get('api-version') ?? '')) {
      throw invalid('api-version is missing, or is not a version');
    }
    return operation.run({ request, instance, id: route.id, behavior, nowMs, newKey });
  }

  #authorize({ headers }: ApiRequest, segments: readonly string[], nowMs: number): Authorized {
    const { service, ownerKey } = this.#options;
    const { behavior, aheadMs } = service;
    return authorize(
      { headers, segments },
      {
        instances: [...service.instances],
        ownerKey,
        acceptsBearer: behavior.serviceApi.bearerTokens === 'accept',
        nowEpochSeconds: (nowMs - aheadMs) / 1000 - behavior.clockSkewSeconds,
      },
    );
  }

  #takeFromBudget({ instance }: Authorized, { costOf }: ApiOperation, request: ApiRequest, nowMs: number): void {
    const { bulkCounts } = this.#options.service.behavior.serviceApi;
    const cost = bulkCounts === 'entries' ? (costOf?.(request) ?? 1) : 1;
    for (let taken = 0; taken < cost; taken++) {
      const quota = instance.quotas.serviceOperation(nowMs);
      if (quota.isWithin) continue;
      const { retryAfterSeconds } = quota;
      const headers = retryAfterSeconds === null ? {} : { 'retry-after': String(retryAfterSeconds) };
      throw new ApiRefusal(API_ERRORS.throttled, 'Operations are being throttled for this tenant.', headers);
    }
  }
}

/** The ID in the path, for the rules of faults; `null` = it has none. */
function subjectOf({ target, method }: ApiRequest): string | null {
  try {
    const route: Route = routeOf(segmentsOf(target.split('?', 1)[0] ?? ''), method);
    return route.id === '' ? null : route.id;
  } catch {
    return null;
  }
}

function outcomeUnder(
  fault: Fault | null,
  carryOut: () => ApiAnswer,
  refuse: (errorCode: number, retryAfterSeconds: number | null) => ApiAnswer,
): ApiOutcome {
  const sent = { delivery: 'answer', afterMs: 0, closes: false } as const;
  switch (fault?.kind) {
    case 'error-answer':
      return { ...sent, answer: refuse(fault.errorCode, fault.retryAfterSeconds) };
    case 'error-after-processing':
      carryOut();
      return { ...sent, answer: refuse(fault.errorCode, fault.retryAfterSeconds) };
    case 'delay-answer':
      return { ...sent, answer: carryOut(), afterMs: fault.delayMs };
    case 'lose-answer':
      return { ...sent, answer: carryOut(), delivery: 'silence' };
    case 'lose-request':
      return { ...sent, answer: refuse(API_ERRORS.internal, null), delivery: 'silence' };
    case 'disconnect': {
      const answer = fault.when === 'before' ? refuse(API_ERRORS.internal, null) : carryOut();
      return { ...sent, answer, delivery: fault.when === 'after' ? 'answer' : 'cut', closes: true };
    }
    default:
      return { ...sent, answer: carryOut() };
  }
}
