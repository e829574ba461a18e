/*
 * telemetry       C→S  devices/{deviceId}/messages/events/[{name}={value}&…]
 * twin            C→S  $iothub/twin/GET/?$rid={requestId}
 * reported        C→S  $iothub/twin/PATCH/properties/reported/?$rid={requestId}
 * twin answer     S→C  $iothub/twin/res/{status}/?$rid={requestId}[&$version={version}]
 * desired         S→C  $iothub/twin/PATCH/properties/desired/?$version={version}
 * method answer   C→S  $iothub/methods/res/{status}/?$rid={requestId}
 */

const TWIN_GET_PREFIX = '$iothub/twin/GET/?';
const TWIN_REPORT_PREFIX = '$iothub/twin/PATCH/properties/reported/?';
const METHOD_ANSWER_PREFIX = '$iothub/methods/res/';
const TWIN_ANSWER_PREFIX = '$iothub/twin/res/';

export type HubTopic =
  /** `properties`: the property bag, as the device encoded it. */
  | { readonly kind: 'telemetry'; readonly properties: string }
  | { readonly kind: 'twin-get' | 'twin-report'; readonly requestId: string }
  | { readonly kind: 'method-answer' };

/** What a device publishes to its hub; `null` = the hub knows no such topic, or `$rid` is missing. */
export function parseHubTopic(topic: string, deviceId: string): HubTopic | null {
  const events = `devices/${deviceId}/messages/events`;
  if (topic === events) return { kind: 'telemetry', properties: '' };
  if (topic.startsWith(`${events}/`)) return { kind: 'telemetry', properties: topic.slice(events.length + 1) };
  if (topic.startsWith(TWIN_GET_PREFIX)) return twinRequest('twin-get', topic.slice(TWIN_GET_PREFIX.length));
  if (topic.startsWith(TWIN_REPORT_PREFIX)) return twinRequest('twin-report', topic.slice(TWIN_REPORT_PREFIX.length));
  return topic.startsWith(METHOD_ANSWER_PREFIX) ? { kind: 'method-answer' } : null;
}

function twinRequest(kind: 'twin-get' | 'twin-report', query: string): HubTopic | null {
  const member = query.split('&').find((each) => each.startsWith('$rid='));
  const requestId = member?.slice('$rid='.length) ?? '';
  return requestId === '' ? null : { kind, requestId };
}

export function telemetryTopic(deviceId: string, properties = ''): string {
  return `devices/${deviceId}/messages/events/${properties}`;
}

/** The answers to requests about the twin. */
export const TWIN_ANSWER_FILTER = `${TWIN_ANSWER_PREFIX}#`;

export function twinGetTopic(requestId: string): string {
  return `${TWIN_GET_PREFIX}$rid=${requestId}`;
}

/** `null` when the topic is no answer about the twin. */
export function parseTwinAnswerTopic(topic: string): { readonly status: number; readonly requestId: string } | null {
  const [, status, query = ''] = /^\$iothub\/twin\/res\/(\d{3})\/\?(.*)$/.exec(topic) ?? [];
  const requestId = query
    .split('&')
    .find((member) => member.startsWith('$rid='))
    ?.slice('$rid='.length);
  return status === undefined || requestId === undefined ? null : { status: Number(status), requestId };
}

/** @param version of the reported properties after an update; `null` = the answer has none */
export function twinAnswerTopic(status: number, requestId: string, version: number | null): string {
  return `${TWIN_ANSWER_PREFIX}${status}/?$rid=${requestId}${version === null ? '' : `&$version=${version}`}`;
}

export function desiredTopic(version: number): string {
  return `$iothub/twin/PATCH/properties/desired/?$version=${version}`;
}

/** What a device may subscribe: messages to it, answers about its twin, changes of desired properties, and methods. */
export function hubFilters(deviceId: string): readonly string[] {
  return [
    `devices/${deviceId}/messages/devicebound/#`,
    `${TWIN_ANSWER_PREFIX}#`,
    '$iothub/twin/PATCH/properties/desired/#',
    '$iothub/methods/POST/#',
    // The .NET nanoFramework subscribes this instead of the two about the twin.
    '$iothub/twin/#',
  ];
}
