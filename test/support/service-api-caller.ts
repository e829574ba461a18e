import { signedToken } from '../../src/dps/sas-token.ts';
import type { ApiHeaders } from '../../src/emulator/service/api/api-message.ts';
import { type ApiOutcome, ServiceApi } from '../../src/emulator/service/api/service-api.ts';
import type { DpsInstance } from '../../src/emulator/service/dps-instance.ts';
import { FaultPlan } from '../../src/emulator/service/fault-plan.ts';
import type { FaultRule } from '../../src/emulator/service/fault-rule.ts';
import { ProvisioningService } from '../../src/emulator/service/provisioning-service.ts';
import {
  SERVICE_API_BEHAVIOR_DEFAULT,
  type ServiceApiBehavior,
} from '../../src/emulator/service/service-api-behavior.ts';
import { SERVICE_BEHAVIOR_DEFAULT, type ServiceBehavior } from '../../src/emulator/service/service-behavior.ts';
import type { StateLine } from '../../src/emulator/service/state-kind.ts';
import { emulatedInstance, ID_SCOPE } from './emulated-instance.ts';

export const API_NOW_MS = Date.UTC(2026, 0, 1);
export const OWNER_KEY = 'b3duZXIta2V5LWZvci10ZXN0cy1vbmx5LTAxMjM0NTY3';
export const API_HOST = `emulated-${ID_SCOPE}.azure-devices-provisioning.net`;
export const API_VERSION = 'api-version=2021-10-01';

export function ownerToken(
  resource = API_HOST,
  key = OWNER_KEY,
  policy: string | null = 'provisioningserviceowner',
): string {
  return signedToken(resource, key, API_NOW_MS / 1000 + 3_600, policy);
}

export type CallerOptions = {
  readonly instances?: readonly DpsInstance[];
  readonly faults?: readonly FaultRule[];
  readonly behavior?: Partial<ServiceBehavior>;
  readonly api?: Partial<ServiceApiBehavior>;
};

export type Answered = {
  readonly status: number;
  readonly headers: ApiHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it member by member
  readonly body: any;
  readonly text: string;
};

/** The service API of one emulated service, without network and clock. */
export class ServiceApiCaller {
  nowMs = API_NOW_MS;
  readonly changes: StateLine[] = [];
  readonly service: ProvisioningService;
  readonly api: ServiceApi;

  constructor({ instances = [emulatedInstance()], faults = [], behavior, api }: CallerOptions = {}) {
    let [guids, keys] = [0, 0];
    const serviceApi = { ...SERVICE_API_BEHAVIOR_DEFAULT, ...api };
    const newGuid = () => `guid-${guids++}`;
    this.service = new ProvisioningService({
      instances,
      behavior: { ...SERVICE_BEHAVIOR_DEFAULT, ...behavior, serviceApi },
      startedAtMs: API_NOW_MS,
      newGuid,
      changes: this.changes,
    });
    this.api = new ServiceApi({
      service: this.service,
      faults: new FaultPlan(faults, 1, API_NOW_MS),
      ownerKey: OWNER_KEY,
      newGuid,
      newKey: () => Buffer.from(`a generated key, number ${keys++}`.padEnd(64, '.')).toString('base64'),
    });
  }

  /** @param target path and query; without api-version, one is added */
  outcome(method: string, target: string, body: unknown = undefined, headers: ApiHeaders = {}): ApiOutcome {
    const isVersioned = target.includes('api-version');
    const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
    return this.api.handle(
      {
        method,
        target: isVersioned ? target : `${target}?${API_VERSION}`,
        headers: { host: API_HOST, authorization: ownerToken(), 'content-type': 'application/json', ...headers },
        body: text,
      },
      this.nowMs,
    );
  }

  call(method: string, target: string, body: unknown = undefined, headers: ApiHeaders = {}): Answered {
    const { answer } = this.outcome(method, target, body, headers);
    const parsed: unknown = answer.body === '' ? null : JSON.parse(answer.body);
    return { status: answer.status, headers: answer.headers, body: parsed, text: answer.body };
  }
}
