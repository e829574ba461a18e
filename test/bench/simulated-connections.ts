import { parseRequestTopic, responseTopic } from '../../src/dps/topics.ts';
import type { MqttConnection, MqttEvent, MqttIdentity } from '../../src/mqtt/mqtt-connection.ts';
import { mqttConversations } from '../../src/mqtt/mqtt-conversation.ts';
import type { WorkerConversations } from '../../src/worker/registration-worker.ts';

const HUBS = ['hub-a.azure-devices.net', 'hub-b.azure-devices.net', 'hub-c.azure-devices.net'] as const;
const AT = '2026-01-02T03:04:06.1234567Z';

/** A service without network, TLS or time: it accepts whatever comes, and assigns at the first poll. Bodies are of the real size. */
export const simulatedConversations: WorkerConversations = async (_setup, clock) =>
  mqttConversations((identity, onEvent) => new SimulatedConnection(identity, onEvent), clock);

class SimulatedConnection implements MqttConnection {
  readonly #registrationId: string;
  readonly #onEvent: (event: MqttEvent) => void;
  #open = true;

  constructor({ clientId }: MqttIdentity, onEvent: (event: MqttEvent) => void) {
    this.#registrationId = clientId;
    this.#onEvent = onEvent;
    for (const type of ['tcpConnected', 'secured', 'connected'] as const) this.#tell({ type });
  }

  subscribe(): void {
    this.#tell({ type: 'subscribed' });
  }

  publish(topic: string): void {
    const request = parseRequestTopic(topic);
    if (request === null) throw new Error(`no request of DPS: ${topic}`);
    const { requestId } = request;
    const answer =
      request.kind === 'register'
        ? { status: 202, retryAfterSeconds: 0, body: { operationId: this.#operationId(), status: 'assigning' } }
        : { status: 200, retryAfterSeconds: null, body: this.#assignment(request.operationId) };
    this.#tell({
      type: 'message',
      topic: responseTopic({ requestId, ...answer }),
      payload: JSON.stringify(answer.body),
    });
  }

  close(): void {
    this.#open = false;
  }

  #tell(event: MqttEvent): void {
    queueMicrotask(() => {
      if (this.#open) this.#onEvent(event);
    });
  }

  #operationId(): string {
    return `4.0b1c2d3e4f5a6b7c.00000000-0000-4000-8000-${this.#registrationId.slice(-12).padStart(12, '0')}`;
  }

  #assignment(operationId: string): object {
    const registrationId = this.#registrationId;
    return {
      operationId,
      status: 'assigned',
      registrationState: {
        registrationId,
        createdDateTimeUtc: AT,
        assignedHub: HUBS[registrationId.charCodeAt(registrationId.length - 1) % HUBS.length],
        deviceId: registrationId,
        status: 'assigned',
        substatus: 'initialAssignment',
        lastUpdatedDateTimeUtc: AT,
        etag: 'IjAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwMCI=',
      },
    };
  }
}
