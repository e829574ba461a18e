import { HUB_MESSAGE_BYTES_MAX } from '../../dps/endpoint.ts';
import { ERROR_CODES } from '../../dps/error-codes.ts';
import { type HubTopic, hubFilters, parseHubTopic, twinAnswerTopic } from '../../dps/hub-topics.ts';
import { parseObject } from '../../dps/json-object.ts';
import { HUB_SILENCE_SECONDS_MAX, HUB_SUBSCRIPTIONS_MAX } from '../../dps/service-limits.ts';
import type { ProvenDevice } from '../hub/hub-connect.ts';
import type { HubRegistry } from '../hub/hub-registry.ts';
import { twinForDevice } from '../hub/twin.ts';
import { utcTimestamp } from '../service/answer.ts';
import type { Fault } from '../service/fault-rule.ts';
import { twinDeliveries } from '../service/request-handling.ts';
import type { PublishPacket } from './packet-reader.ts';
import type { AcceptedConnect, RoleAnswer, SessionRole } from './session-role.ts';

type HubRequest = {
  readonly point: 'hub-telemetry' | 'hub-twin';
  readonly requestId: string | null;
  readonly topic: HubTopic;
};

export type HubRole = SessionRole<ProvenDevice, HubRequest>;

const NO_ANSWER: RoleAnswer = { refusal: null, deliveries: [] };

/** Sessions with the linked hubs. */
export function hubRole(hubs: HubRegistry, serviceTimeMs: () => number): HubRole {
  return {
    points: { connect: 'hub-connect', subscribe: 'hub-subscribe' },
    messageBytesMax: HUB_MESSAGE_BYTES_MAX,
    subscriptionsMax: HUB_SUBSCRIPTIONS_MAX,
    silenceMaxMs: HUB_SILENCE_SECONDS_MAX * 1000,
    subscribable: `${hubFilters('{deviceId}').join(', ')}, at most ${HUB_SUBSCRIPTIONS_MAX},`,
    judge(request, { cleanSession }, { serverName }) {
      const answer = hubs.connect({ ...request, serverName: serverName() }, serviceTimeMs());
      if (answer.returnCode !== 0) return answer;
      const { device, waitMs } = answer;
      const subscriptions = sessionOf(device, cleanSession);
      return { returnCode: 0, device, waitMs, endsInMs: device.endsInMs, ...subscriptions };
    },
    keyOf: ({ hub, identity }) => hubDeviceKey(hub.hostName, identity.deviceId),
    idOf: ({ identity }) => identity.deviceId,
    isProven: () => true,
    endReason: (device) => hubs.endReason(device, serviceTimeMs()),
    grants: (filter, { identity }) => hubFilters(identity.deviceId).includes(filter),
    parse(text, { identity }) {
      const topic = parseHubTopic(text, identity.deviceId);
      if (topic === null) return null;
      if ('requestId' in topic) return { point: 'hub-twin', requestId: topic.requestId, topic };
      return { point: 'hub-telemetry', requestId: null, topic };
    },
    answerDelayMs: () => 0,
    answer: ({ topic }, packet, device, fault) =>
      answerTo(topic, packet, { device, hubs, fault, nowMs: serviceTimeMs() }),
  };
}

/** Names a device among the open sessions, and in the log. The case of a hub's name does not count. */
export function hubDeviceKey(hub: string, deviceId: string): string {
  return `${hub.toLowerCase()}/${deviceId}`;
}

/** Without a clean session, subscriptions go on at the next connection, and end with one that is clean. */
function sessionOf(
  { identity }: ProvenDevice,
  cleanSession: boolean,
): Pick<AcceptedConnect<ProvenDevice>, 'subscriptions'> {
  const kept = identity.subscriptions;
  identity.subscriptions = cleanSession ? null : (kept ?? new Map());
  return identity.subscriptions === null
    ? {}
    : { subscriptions: { granted: identity.subscriptions, isPresent: kept !== null } };
}

type Asked = {
  readonly device: ProvenDevice;
  readonly hubs: HubRegistry;
  readonly fault: Fault | null;
  readonly nowMs: number;
};

function answerTo(topic: HubTopic, packet: PublishPacket, { device, hubs, fault, nowMs }: Asked): RoleAnswer {
  if (topic.kind === 'method-answer') return NO_ANSWER;
  if (topic.kind === 'telemetry') {
    const bytes = Buffer.byteLength(packet.topic) + packet.payload.length;
    hubs.receive(device, { properties: topic.properties, isRetained: packet.retain, bytes }, nowMs);
    return NO_ANSWER;
  }
  const { requestId } = topic;
  const failed = { errorCode: ERROR_CODES.internal, reason: 'the state cannot be written' };
  const unkept = () => twinError(requestId, failed, fault, nowMs);
  if (fault?.kind === 'error-answer') {
    return twinError(requestId, { errorCode: fault.errorCode, reason: 'injected fault' }, fault, nowMs);
  }
  if (topic.kind === 'twin-get') {
    const body = JSON.stringify(twinForDevice(hubs.readTwin(device)));
    const deliveries = twinDeliveries(200, twinAnswerTopic(200, requestId, null), body, fault);
    return { refusal: null, deliveries, unkept };
  }
  const problem = hubs.report(device, parseObject(packet.payload.toString()), nowMs);
  if (problem !== null) {
    const reason = `the patch of reported properties ${problem}`;
    return twinError(requestId, { errorCode: MALFORMED_PATCH, reason }, fault, nowMs);
  }
  const { version } = device.identity.twin.reported;
  const deliveries = twinDeliveries(204, twinAnswerTopic(204, requestId, version), '', fault);
  return { refusal: null, deliveries, unkept };
}

/** ArgumentInvalid of the hubs' error codes. */
const MALFORMED_PATCH = 400_004;

function twinError(
  requestId: string,
  { errorCode, reason }: { readonly errorCode: number; readonly reason: string },
  fault: Fault | null,
  nowMs: number,
): RoleAnswer {
  const status = Math.floor(errorCode / 1000);
  const body = { errorCode, trackingId: '', message: reason, timestampUtc: utcTimestamp(nowMs) };
  const topic = twinAnswerTopic(status, requestId, null);
  return { refusal: `${status}: ${reason}`, deliveries: twinDeliveries(status, topic, JSON.stringify(body), fault) };
}
