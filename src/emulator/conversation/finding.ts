/** Something about a client that the real service would dislike, or that its engineer should fix. */
export type Finding = FindingKind & {
  readonly code: FindingCode;
  /** Number of the connection, and index in its steps, where it was first seen. */
  readonly connection: number;
  readonly step: number;
  readonly atMs: number;
  readonly seen: string;
  /** How often it was seen. */
  readonly times: number;
};

export type FindingKind = {
  /** `error`: the service refuses it, or the device may not learn its hub. `warning`: it works, but not well or not for sure. */
  readonly severity: 'error' | 'warning';
  readonly expects: string;
  readonly remedy: string;
  readonly source: string;
};

export type FindingCode = keyof typeof FINDINGS;

const MQTT_PAGE = 'learn.microsoft.com, iot-mqtt-connect-to-iot-dps';
const LIMITS_PAGE = 'learn.microsoft.com, Device Provisioning Service limits';
const RETRY_PAGE = 'learn.microsoft.com, concepts-deploy-at-scale';
const TOKEN_PAGE = 'learn.microsoft.com, concepts-symmetric-key-attestation';
const SPECIFICATION = 'MQTT 3.1.1';
/** Nobody has documented what the real service does. */
const AS_HUBS = 'as the IoT hubs do; not documented for DPS';

export const FINDINGS = {
  'mqtt-version': error('MQTT 3.1.1: name MQTT, level 4', 'Set the protocol version of the MQTT client', MQTT_PAGE),
  'malformed-packet': error(
    'packets of MQTT 3.1.1',
    'Correct the MQTT client, or what writes into its buffers',
    SPECIFICATION,
  ),
  'no-server-name': warning(
    'the host name in the TLS handshake (SNI)',
    'Set the server name of the TLS client; connect to a name, not to an address',
    'not documented; a front end shared by all customers may need it',
  ),
  'client-id': error(
    'the registration ID as client ID',
    'Use the same ID in client ID and user name',
    'azure-docs#69882',
  ),
  'user-name': error(
    '{idScope}/registrations/{registrationId}/api-version={version}&ClientVersion={agent}',
    'Write the user name in this form',
    MQTT_PAGE,
  ),
  'api-version-unknown': error(
    'an api-version that the service has',
    'Use 2019-03-31 or 2021-06-01',
    'azure-rest-api-specs',
  ),
  'api-version-outdated': warning(
    '2019-03-31 or later; earlier ones re-provision differently, or are previews',
    'Use 2019-03-31 or 2021-06-01, as the SDKs do',
    'azure-rest-api-specs; azure-iot-sdk-csharp#2397',
  ),
  'no-user-agent': warning(
    '&ClientVersion={name%2Fversion} in the user name',
    'Add it: support can then tell your firmware from others',
    'SDKs of C, C#, Java, Node.js and Python',
  ),
  'no-keep-alive': warning(
    'a keep-alive above 0: a load balancer drops silent connections after about 4 minutes, and neither side notices',
    'Set it to 60 to 240 s',
    'azure-iot-sdk-node, mqtt_base.ts',
  ),
  'keep-alive-long': warning(
    'at most 1177 s, and less than 240 s to keep a load balancer from dropping the connection',
    'Set it to 60 to 240 s',
    `learn.microsoft.com, iot-mqtt-connect-to-iot-hub; ${AS_HUBS}`,
  ),
  'keep-alive-missed': error(
    'a packet within 1.5 times the keep-alive that the device announced',
    'Send PINGREQ in time, also while the device waits for its next poll',
    `${SPECIFICATION} 3.1.2.10`,
  ),
  'no-clean-session': warning(
    'clean session: the service keeps nothing after the connection has ended',
    'Set clean session, and subscribe in every connection',
    MQTT_PAGE,
  ),
  will: warning('no will message: the service is no broker', 'Remove it', `${MQTT_PAGE}; reaction not documented`),
  'no-credentials': error('a SAS token, or a client certificate', 'Send one of them', MQTT_PAGE),
  'token-malformed': error(
    'SharedAccessSignature sr={resource}&sig={signature}&se={expiry}&skn=registration',
    'Write the password in this form',
    TOKEN_PAGE,
  ),
  'token-resource': error(
    'sr={idScope}%2Fregistrations%2F{registrationId}',
    'Sign this resource: no host name, no leading slash, encoded once',
    TOKEN_PAGE,
  ),
  'token-expired': error(
    'an expiry in the future',
    'Set the clock of the device before it signs, and sign anew for each connection',
    'azure-sdk-for-c#2235',
  ),
  'token-lifetime': warning(
    'a lifetime of at most a day; the SDKs use 40 minutes to a day',
    'Sign a token for an hour, anew for each connection',
    TOKEN_PAGE,
  ),
  'token-policy': warning('skn=registration, or none', 'Set skn to registration', TOKEN_PAGE),
  'token-encoding': error(
    'a signature in which + / = are percent-encoded; a raw + becomes a blank',
    'Percent-encode the base64 signature: + is %2B, / is %2F, = is %3D',
    'azure-iot-sdk-java#989',
  ),
  'certificate-name': error(
    'the registration ID as common name of the certificate',
    'Use the common name as registration ID, or issue another certificate',
    'learn.microsoft.com, concepts-x509-attestation',
  ),
  'other-filter': error('the filter $dps/registrations/res/#', 'Subscribe to exactly this filter', MQTT_PAGE),
  'subscribe-qos-2': warning('QoS 0 or 1; QoS 2 is granted as 1', 'Subscribe with QoS 1', MQTT_PAGE),
  'publish-qos-2': error('QoS 0 or 1; QoS 2 closes the connection', 'Publish with QoS 1', AS_HUBS),
  'publish-retain': warning('no RETAIN: the service stores no messages', 'Clear the flag', AS_HUBS),
  'other-topic': error(
    '$dps/registrations/PUT/iotdps-register/?$rid={id} or …/GET/iotdps-get-operationstatus/?$rid={id}&operationId={id}',
    'Correct the topic, down to $rid',
    MQTT_PAGE,
  ),
  'message-too-large': error('at most 96 KB in a message', 'Send a smaller payload', LIMITS_PAGE),
  'register-body': error(
    'an empty body, or JSON such as {"registrationId":"…"} with the ID of the connection',
    'Correct the body of the register request',
    'azure-rest-api-specs',
  ),
  'request-before-suback': error(
    'a SUBACK before the first request: the answer to an earlier one may be lost',
    'Wait for the SUBACK, then register',
    `${MQTT_PAGE}; ${SPECIFICATION} 3.8.4`,
  ),
  'request-id-reused': error(
    'another $rid while a request is outstanding: their answers cannot be told apart',
    'Count $rid up with each request',
    MQTT_PAGE,
  ),
  'no-puback': warning(
    'a PUBACK for each answer with QoS 1',
    'Acknowledge answers, or subscribe with QoS 0',
    `${SPECIFICATION} 4.3.2`,
  ),
  'register-again': error(
    'a poll with the operation ID of the 202; each register request is billed and starts anew',
    'Keep the operation ID, wait for retry-after, then poll',
    `${MQTT_PAGE}; about-iot-dps (billing)`,
  ),
  'disconnect-before-result': error(
    'the same connection until the final answer: 202 does not mean that the device has a hub',
    'Stay connected and poll; a connection for each poll costs a handshake',
    MQTT_PAGE,
  ),
  'poll-before-retry-after': warning(
    'a pause of retry-after before each poll; more than 5 polls in 10 s get 429',
    'Wait for retry-after of the last answer, which is in seconds',
    `${MQTT_PAGE}; ${LIMITS_PAGE}`,
  ),
  'poll-without-pause': warning(
    'a pause of 2 s before a poll if there is no retry-after',
    'Wait 2 s, as the SDKs do',
    `${LIMITS_PAGE}; azure-iot-sdk-node, constants.ts`,
  ),
  'wrong-operation-id': error(
    'the operation ID of the 202, exactly as it was received',
    'Copy it whole (at least 128 characters of room), and encode nothing',
    MQTT_PAGE,
  ),
  'retry-after-ignored': error(
    'no request before retry-after of the refusal has passed',
    'Wait for retry-after, which is in seconds',
    RETRY_PAGE,
  ),
  'retry-without-backoff': error(
    'at least 1 s before the first retry, and exponentially more with jitter before the next',
    'Back off: 1 s, doubled up to 100 s, with random jitter',
    RETRY_PAGE,
  ),
  'no-disconnect': warning('a DISCONNECT before the connection is closed', 'Send it', `${SPECIFICATION} 3.14`),
  'stays-connected': warning(
    'the end of the connection after the final answer',
    'Disconnect, and keep hub and device ID',
    'the SDKs do so',
  ),
} as const satisfies Readonly<Record<string, FindingKind>>;

function error(expects: string, remedy: string, source: string): FindingKind {
  return { severity: 'error', expects, remedy, source };
}

function warning(expects: string, remedy: string, source: string): FindingKind {
  return { severity: 'warning', expects, remedy, source };
}
