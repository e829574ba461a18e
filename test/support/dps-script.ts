import type { IConnectPacket, IPublishPacket, Packet } from 'mqtt-packet';
import type { OperationStatus } from '../../src/dps/payloads.ts';
import { parseRequestTopic, type RequestTopic, responseTopic } from '../../src/dps/topics.ts';
import type { Peer, Script } from './scripted-mqtt-server.ts';

export type DelayedRequest = { readonly registrationId: string; readonly kind: RequestTopic['kind'] };

export type DpsScriptOptions = {
  /** From a request to its answer; default: 0, at once. */
  readonly answerDelayMs?: (request: DelayedRequest) => number;
  /** Told of each delay as it came to be: a timer may fire late. */
  readonly onDelayed?: (actualMs: number) => void;
  /** Of every 202; default: absent. */
  readonly retryAfterSeconds?: number | null;
  /** Polls answered until the device is assigned, that answer included; 0 = the register request is answered with it. Default: 1. */
  readonly polls?: number;
};

const ASSIGNED_HUB = 'hub.azure-devices.net';

/** The service as it answers a device that may register: register → 202 → poll → 200, or 200 at once. */
export function dpsScript(options: DpsScriptOptions = {}): Script {
  const { answerDelayMs = () => 0, onDelayed = () => {}, retryAfterSeconds = null, polls = 1 } = options;
  return (peer) => {
    let registrationId = '';
    let pollsLeft = polls;
    const answer = (requestId: string): void => {
      const assigned = pollsLeft-- <= 0;
      respond(peer, requestId, assigned ? null : retryAfterSeconds, operation(registrationId, assigned));
    };
    return (packet) => {
      if (packet.cmd === 'connect') registrationId = (packet as IConnectPacket).clientId;
      acknowledge(peer, packet);
      if (packet.cmd !== 'publish') return;
      const request = parseRequestTopic(packet.topic);
      if (request === null) return;
      const delayMs = answerDelayMs({ registrationId, kind: request.kind });
      if (delayMs > 0) {
        const receivedAtMs = performance.now();
        setTimeout(() => {
          answer(request.requestId);
          onDelayed(performance.now() - receivedAtMs);
        }, delayMs);
      } else answer(request.requestId);
    };
  };
}

/** What every MQTT server answers by itself; DISCONNECT closes. */
export function acknowledge(peer: Peer, packet: Packet): void {
  if (packet.cmd === 'connect') peer.send({ cmd: 'connack', returnCode: 0, sessionPresent: false });
  else if (packet.cmd === 'subscribe')
    peer.send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted: packet.subscriptions.map(() => 1) });
  else if (packet.cmd === 'publish' && packet.qos === 1) peer.send({ cmd: 'puback', messageId: packet.messageId ?? 0 });
  else if (packet.cmd === 'unsubscribe') peer.send({ cmd: 'unsuback', messageId: packet.messageId ?? 0, granted: [] });
  else if (packet.cmd === 'pingreq') peer.send({ cmd: 'pingresp' });
  else if (packet.cmd === 'disconnect') peer.end();
}

function respond(peer: Peer, requestId: string, retryAfterSeconds: number | null, body: OperationStatus): void {
  const publish: IPublishPacket = {
    cmd: 'publish',
    topic: responseTopic({ status: body.status === 'assigned' ? 200 : 202, requestId, retryAfterSeconds }),
    payload: JSON.stringify(body),
    qos: 1,
    messageId: 1,
    retain: false,
    dup: false,
  };
  peer.send(publish);
}

function operation(registrationId: string, assigned: boolean): OperationStatus {
  const operationId = '5.0123456789abcdef.01234567-89ab-cdef-0123-456789abcdef';
  if (!assigned) return { operationId, status: 'assigning' };
  return {
    operationId,
    status: 'assigned',
    registrationState: {
      registrationId,
      assignedHub: ASSIGNED_HUB,
      deviceId: registrationId,
      status: 'assigned',
      substatus: 'initialAssignment',
    },
  };
}
