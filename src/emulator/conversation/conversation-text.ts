import { parseRequestTopic, parseResponseTopic } from '../../dps/topics.ts';
import type { Connection, ConnectStep, Conversation, Step } from './conversation.ts';
import type { Finding } from './finding.ts';
import { labeled, wrapped } from './text-layout.ts';

/*
 * dev-1, connection 1 at 2026-11-28 20:41:02.123 UTC
 *            MQTT over TLSv1.2, ECDHE-ECDSA-AES128-GCM-SHA256
 *    +0.000  > CONNECT    client ID dev-1, keep-alive 60 s, clean session
 *    +0.001  < CONNACK    0 accepted
 *         !  no-user-agent (warning): …
 */

/** Of a terminal; a wider one gets the same lines. */
const COLUMNS = 80;

/** MQTT 3.1.1 §3.2.2.3. */
const RETURN_CODES = [
  'accepted',
  'unacceptable protocol version',
  'identifier rejected',
  'server unavailable',
  'bad user name or password',
  'not authorized',
];

/** A whole conversation, with each finding where it was first seen. */
export function conversationText(conversation: Conversation): string {
  const { registrationId, connections, findings, forgottenSteps } = conversation;
  const lines = connections.flatMap((connection) => [
    ...connectionLines(registrationId, connection),
    ...connection.steps.flatMap((step, index) => [
      ...stepLines(step, connection),
      ...findings
        .filter((finding) => finding.connection === connection.number && finding.step === index)
        .flatMap(findingLines),
    ]),
    '',
  ]);
  if (forgottenSteps > 0) lines.unshift(`(${forgottenSteps} earlier steps are no longer kept)`, '');
  const found = findings.length === 1 ? '1 finding' : `${findings.length} findings`;
  return `${[...lines, findings.length === 0 ? 'No findings.' : `${found}.`].join('\n')}\n`;
}

/** The heading of a connection. */
export function connectionLines(registrationId: string, connection: Connection): readonly string[] {
  const { number, atMs, transport, tlsVersion, cipherSuite, serverName, sourceAddress, certificates } = connection;
  const at = new Date(atMs).toISOString().replace('T', ' ').replace('Z', ' UTC');
  const protocol = transport === 'mqtt' ? 'MQTT' : 'MQTT over WebSocket';
  const from = sourceAddress === null ? '' : `from ${sourceAddress}, `;
  return [
    ...wrapped(`${registrationId}, connection ${number} at ${at}`, { columns: COLUMNS, indent: 0 }),
    ...indented(`${protocol} over ${tlsVersion ?? 'TLS'}, ${cipherSuite ?? 'unknown suite'}`),
    ...indented(`${from}${serverName === null ? 'no server name (SNI)' : `server name ${serverName}`}`),
    ...certificates.flatMap(({ subject, issuer, notAfter }) =>
      indented(`certificate ${oneLine(subject)}, issued by ${oneLine(issuer)}, until ${notAfter}`),
    ),
  ];
}

/** One step, with its time since the CONNECT of its connection. */
export function stepLines(step: Step, { atMs }: Connection): readonly string[] {
  const [name, ...texts] = described(step);
  const sign = step.type === 'note' || step.type === 'end' ? '*' : step.from === 'device' ? '>' : '<';
  const offset = `+${((step.atMs - atMs) / 1_000).toFixed(3)}`.padStart(9);
  return labeled(`${offset}  ${sign} ${name.padEnd(11)}`, texts, COLUMNS);
}

/** One finding, under the step where it was seen. */
export function findingLines({ code, severity, seen, expects, remedy, source }: Finding): readonly string[] {
  return [
    ...labeled('        !  ', [`${code} (${severity}): ${seen}`], COLUMNS),
    ...labeled('           ', [`expected: ${expects}`, `remedy: ${remedy}`, `source: ${source}`], COLUMNS),
  ];
}

/** What a device did last, for a message. */
export function latestLines(
  registrationId: string,
  { connections }: Conversation,
  stepsMax: number,
): readonly string[] {
  const latest = connections.at(-1);
  if (latest === undefined) return [];
  return [
    ...connectionLines(registrationId, latest),
    ...latest.steps.slice(-stepsMax).flatMap((step) => stepLines(step, latest)),
  ];
}

/** Name of the packet, then a line of text each. */
function described(step: Step): readonly [string, ...string[]] {
  switch (step.type) {
    case 'connect':
      return ['CONNECT', ...connectTexts(step)];
    case 'connack':
      return ['CONNACK', `${step.returnCode} ${RETURN_CODES[step.returnCode] ?? ''}`];
    case 'subscribe':
      return [
        'SUBSCRIBE',
        ...step.subscriptions.map(({ filter, qos }) => `${filter}  QoS ${qos}  id ${step.packetId}`),
      ];
    case 'suback': {
      const granted = step.returnCodes.map((code) => (code < 0x80 ? `QoS ${code}` : 'refused (128)'));
      return ['SUBACK', `${granted.join(', ')}  id ${step.packetId}`];
    }
    case 'unsubscribe':
      return ['UNSUBSCRIBE', ...step.filters];
    case 'unsuback':
    case 'puback':
      return [step.type.toUpperCase(), `id ${step.packetId}`];
    case 'publish':
      return ['PUBLISH', ...publishTexts(step)];
    case 'other':
      return [step.name.toUpperCase(), 'not a packet for this service'];
    case 'note':
      return ['emulator', step.text];
    case 'end':
      return ['end', `by the ${step.from}: ${step.reason}`];
    default:
      return [step.type.toUpperCase()];
  }
}

function connectTexts(connect: ConnectStep): readonly string[] {
  const { clientId, protocol, keepAliveSeconds, cleanSession, hasWill, username, userAgent } = connect;
  const keepAlive = keepAliveSeconds === 0 ? 'no keep-alive' : `keep-alive ${keepAliveSeconds} s`;
  const session = cleanSession ? 'clean session' : 'no clean session';
  const flags = [protocol === 'MQTT 4' ? '' : protocol, keepAlive, session, hasWill ? 'will' : ''];
  return [
    `client ID ${clientId}, ${flags.filter((flag) => flag !== '').join(', ')}`,
    username === null ? 'no user name' : username,
    ...(userAgent === null ? [] : [`user agent ${userAgent}`]),
    passwordText(connect),
  ];
}

function passwordText({ password }: ConnectStep): string {
  if (password === null) return 'no password';
  if (password.kind === 'other') return 'password: present, but no SAS token';
  const { resource, validForMs, policyName } = password;
  const seconds = Math.round(validForMs / 1_000);
  const life = seconds < 0 ? `expired ${-seconds} s ago` : `valid for ${seconds} s`;
  const policy = policyName === null ? '' : `, skn=${policyName}`;
  return `password: present, SAS token for ${resource}, ${life}${policy}`;
}

function publishTexts(step: Extract<Step, { type: 'publish' }>): readonly string[] {
  const { topic, payload, payloadBytes, qos, retain, isDuplicate, packetId } = step;
  const flags = [
    `QoS ${qos}`,
    packetId === null ? '' : `id ${packetId}`,
    retain ? 'RETAIN' : '',
    isDuplicate ? 'DUP' : '',
  ];
  const body = payload.endsWith('…') ? `${payload} (${payloadBytes} bytes)` : payload;
  return [
    `${meaningOf(topic)}  ${flags.filter((flag) => flag !== '').join('  ')}`,
    topic,
    ...(body.trim() === '' ? [] : [body]),
  ];
}

function meaningOf(topic: string): string {
  const request = parseRequestTopic(topic);
  if (request !== null) return request.kind;
  const answer = parseResponseTopic(topic);
  if (answer === null) return 'unknown topic';
  return answer.retryAfterSeconds === null
    ? `${answer.status}`
    : `${answer.status}, retry after ${answer.retryAfterSeconds} s`;
}

function oneLine(distinguishedName: string): string {
  return distinguishedName.split('\n').join(', ');
}

function indented(text: string): readonly string[] {
  return labeled('           ', [text], COLUMNS);
}
