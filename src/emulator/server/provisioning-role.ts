import { MESSAGE_BYTES_MAX } from '../../dps/endpoint.ts';
import { foldRegistrationId } from '../../dps/registration-id.ts';
import { parseRequestTopic, parseResponseTopic, RESPONSE_TOPIC_FILTER, type RequestTopic } from '../../dps/topics.ts';
import type { ServiceAnswer } from '../service/answer.ts';
import type { ConnectedDevice } from '../service/connect-check.ts';
import type { Fault } from '../service/fault-rule.ts';
import { deliveries } from '../service/request-handling.ts';
import type { SessionContext } from './mqtt-session.ts';
import type { RoleAnswer, SessionRole } from './session-role.ts';
import { isWellFormedTopic } from './topic-form.ts';

/** Of one connection: a device needs one filter, or the topics of its few answers. */
const SUBSCRIPTIONS_MAX = 100;

type ProvisioningRequest = RequestTopic & { readonly point: 'register' | 'poll' };

export type ProvisioningRole = SessionRole<ConnectedDevice, ProvisioningRequest>;

/** Sessions with the provisioning service. */
export function provisioningRole(context: SessionContext): ProvisioningRole {
  const { service, serviceTimeMs, callWebhooks, registered } = context;
  const ask = (
    request: ProvisioningRequest,
    payload: Buffer,
    device: ConnectedDevice,
    fault: Fault | null,
  ): ServiceAnswer => {
    const nowMs = serviceTimeMs();
    if (fault?.kind === 'error-answer') return service.refuseByFault(request.kind, fault, nowMs);
    if (request.kind === 'poll') return service.poll(device, request.operationId, nowMs);
    const answer = service.register(device, payload.toString(), nowMs);
    callWebhooks();
    if (answer.status === 202) registered(device);
    return answer;
  };
  return {
    points: { connect: 'connect', subscribe: 'subscribe' },
    messageBytesMax: MESSAGE_BYTES_MAX,
    subscriptionsMax: SUBSCRIPTIONS_MAX,
    silenceMaxMs: Number.POSITIVE_INFINITY,
    subscribable: RESPONSE_TOPIC_FILTER,
    judge: (request) => service.connect(request, serviceTimeMs()),
    keyOf: ({ instance, registrationId }) => `${instance.idScope}/${foldRegistrationId(registrationId)}`,
    idOf: ({ registrationId }) => registrationId,
    isProven: (device) => service.isAttested(device, serviceTimeMs()),
    endReason: () => null,
    grants: (filter) => isGranted(filter, context.behavior.grantsExactFilters),
    parse(topic) {
      const request = parseRequestTopic(topic);
      return request === null ? null : { ...request, point: request.kind };
    },
    answerDelayMs: (device) => service.answerDelayMs(device),
    answer(request, { payload }, device, fault) {
      const told = (answer: ServiceAnswer): RoleAnswer => ({
        refusal: answer.refusal === null ? null : `${answer.status}: ${answer.refusal}`,
        deliveries: deliveries(answer, request.requestId, fault),
      });
      const answer = ask(request, payload, device, fault);
      const unkept = () => told(service.refuseUnkept(request.kind, answer, serviceTimeMs()));
      return { ...told(answer), unkept };
    },
  };
}

/** @param grantsExact also grant the exact topic of one answer */
function isGranted(filter: string, grantsExact: boolean): boolean {
  if (filter === RESPONSE_TOPIC_FILTER) return true;
  return grantsExact && parseResponseTopic(filter) !== null && isWellFormedTopic(filter);
}
