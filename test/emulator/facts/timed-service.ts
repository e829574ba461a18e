import { deriveDeviceKey } from '../../../src/dps/device-key.ts';
import { buildSasToken } from '../../../src/dps/sas-token.ts';
import type { ServiceAnswer } from '../../../src/emulator/service/answer.ts';
import type { DpsInstance } from '../../../src/emulator/service/dps-instance.ts';
import { ProvisioningService } from '../../../src/emulator/service/provisioning-service.ts';
import { SERVICE_BEHAVIOR_DEFAULT, type ServiceBehavior } from '../../../src/emulator/service/service-behavior.ts';
import type { WebhookCall, WebhookOutcome } from '../../../src/emulator/service/webhook.ts';
import { emulatedInstance, GROUP_KEY, ID_SCOPE } from '../../support/emulated-instance.ts';

export type TimedOptions = {
  readonly instance?: Partial<DpsInstance>;
  readonly behavior?: Partial<ServiceBehavior>;
  readonly nowMs?: number;
};

/** An answer with its parsed body. */
export type TimedAnswer = ServiceAnswer & {
  // biome-ignore lint/suspicious/noExplicitAny: what a body holds is what the facts are about
  readonly json: any;
};

/** The emulated service alone, for facts about time: it passes only when it is told to. */
export class TimedService {
  readonly service: ProvisioningService;
  nowMs: number;

  constructor({ instance = {}, behavior = {}, nowMs = Date.UTC(2026, 0, 1) }: TimedOptions = {}) {
    let guids = 0;
    this.nowMs = nowMs;
    this.service = new ProvisioningService({
      instances: [emulatedInstance(instance)],
      behavior: { ...SERVICE_BEHAVIOR_DEFAULT, ...behavior },
      newGuid: () => `00000000-0000-4000-8000-${String(guids++).padStart(12, '0')}`,
    });
  }

  device(id: string, { version = '2021-06-01', key = deriveDeviceKey(GROUP_KEY, id), password = '', from = '' } = {}) {
    const answer = this.service.connect(
      {
        clientId: id,
        username: `${ID_SCOPE}/registrations/${id}/api-version=${version}`,
        password: password || buildSasToken(ID_SCOPE, id, key, this.nowMs / 1000 + 3600),
        certificates: [],
        sourceAddress: () => from || null,
      },
      this.nowMs,
    );
    if (answer.returnCode !== 0) throw new Error(`CONNACK ${answer.returnCode}: ${answer.reason}`);
    const { device } = answer;
    return {
      register: (body = ''): TimedAnswer => withJson(this.service.register(device, body, this.nowMs)),
      poll: (operationId: string): TimedAnswer => withJson(this.service.poll(device, operationId, this.nowMs)),
      /** Registers, lets ten seconds pass, and polls; a webhook answers as told. */
      assigned: (webhook: object | WebhookOutcome = {}, body = ''): TimedAnswer => {
        const { json } = withJson(this.service.register(device, body, this.nowMs));
        this.answerWebhook(webhook);
        this.nowMs += 10_000;
        return withJson(this.service.poll(device, json.operationId, this.nowMs));
      },
    };
  }

  /** The call of the last register request; `null` = none. */
  webhookCall(): WebhookCall | null {
    return this.service.takeWebhookCalls().at(-1) ?? null;
  }

  answerWebhook(answer: object | WebhookOutcome): void {
    const outcome = 'kind' in answer ? answer : { kind: 'answered', status: 200, body: JSON.stringify(answer) };
    this.webhookCall()?.settle(outcome as WebhookOutcome, this.nowMs);
  }
}

function withJson(answer: ServiceAnswer): TimedAnswer {
  return { ...answer, json: JSON.parse(answer.body) };
}
