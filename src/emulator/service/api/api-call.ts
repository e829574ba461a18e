import type { InstanceState } from '../instance-state.ts';
import type { ServiceApiBehavior } from '../service-api-behavior.ts';
import type { Permission } from '../shared-access-policy.ts';
import type { ApiAnswer, ApiRequest } from './api-message.ts';

/** A request that may be carried out. */
export type ApiCall = {
  readonly request: ApiRequest;
  readonly instance: InstanceState;
  /** From the path; empty = it has none. */
  readonly id: string;
  readonly behavior: ServiceApiBehavior;
  readonly nowMs: number;
  /** Returns a new symmetric key. */
  readonly newKey: () => string;
};

/** One operation of the service API. */
export type ApiOperation = {
  readonly permission: Permission;
  /** What it takes from the budget of operations. Default: 1. */
  readonly costOf?: (request: ApiRequest) => number;
  /** @throws ApiRefusal */
  readonly run: (call: ApiCall) => ApiAnswer;
};
