import type { ConnectionFailureCode } from '../conversation/connection-failure.ts';

/** What a device does at its hub to prove that it can: connect, send one message, or read its twin. */
export const HUB_CHECKS = ['connect', 'telemetry', 'twin'] as const;

export type HubCheck = (typeof HUB_CHECKS)[number];

/**
 * How a check ended. Over MQTT a hub does not say why it refuses a device: a wrong key, a disabled identity and an unknown one get the same
 * answer. Nor does it say that it throttles: it answers late, or closes the connection.
 */
export const HUB_CHECK_RESULTS = [
  'passed',
  'hub-refused', // CONNACK 4 or 5
  'hub-unavailable', // CONNACK 3
  'hub-protocol', // CONNACK 1 or 2, SUBACK 128, or bytes that are not MQTT
  'hub-name', // the name has no address
  'hub-unreachable', // no TCP connection
  'hub-certificate', // the server's certificate is not that of the hub, not trusted or expired
  'hub-tls', // any other failure of the handshake, or of the WebSocket upgrade
  'hub-closed', // closed without an answer
  'hub-late', // no CONNACK in time
  'hub-no-answer', // connected, but no PUBACK, SUBACK or twin in time
  'hub-throttled', // 429 on the twin
  'hub-twin', // any other answer to the twin request
  'hub-not-allowed', // not dialed: the name has no allowed ending
  'hub-credentials', // not dialed: certificate or key of the device cannot be used
] as const;

export type HubCheckResult = (typeof HUB_CHECK_RESULTS)[number];

export type HubCheckFailure = Exclude<HubCheckResult, 'passed'>;

const FAILURES: Readonly<Record<ConnectionFailureCode, HubCheckFailure>> = {
  dns: 'hub-name',
  'tcp-refused': 'hub-unreachable',
  'tcp-timeout': 'hub-unreachable',
  'tcp-reset': 'hub-closed',
  'tcp-failed': 'hub-unreachable',
  'tls-host-name': 'hub-certificate',
  'tls-unknown-ca': 'hub-certificate',
  'tls-expired': 'hub-certificate',
  'client-certificate': 'hub-credentials',
  'tls-failed': 'hub-tls',
  'websocket-refused': 'hub-tls',
  'connack-1': 'hub-protocol',
  'connack-2': 'hub-protocol',
  'connack-3': 'hub-unavailable',
  'connack-4': 'hub-refused',
  'connack-5': 'hub-refused',
  'suback-refused': 'hub-protocol',
  closed: 'hub-closed',
  'protocol-error': 'hub-protocol',
};

export function hubFailureOf(code: ConnectionFailureCode): HubCheckFailure {
  return FAILURES[code];
}

/** Durations of the phases of one connection to a hub, in milliseconds; `null` = not reached. */
export type HubCheckPhases = {
  /** Dialing to the hub's addresses; `null` also where they were known before. */
  readonly dnsMs: number | null;
  readonly tcpMs: number | null;
  readonly tlsMs: number | null;
  /** CONNECT to CONNACK. */
  readonly connackMs: number | null;
  /** SUBSCRIBE to SUBACK. */
  readonly subackMs: number | null;
  /** The message to its PUBACK, or the twin request to its answer. */
  readonly answerMs: number | null;
};

export const HUB_PHASES = [
  'dnsMs',
  'tcpMs',
  'tlsMs',
  'connackMs',
  'subackMs',
  'answerMs',
] as const satisfies readonly (keyof HubCheckPhases)[];

/** What one connection proved. */
export type HubAttempt = {
  readonly result: HubCheckResult;
  /** For people; `null` = passed. */
  readonly message: string | null;
  readonly phases: HubCheckPhases;
};

/** What the operator wants to be checked, and how. */
export type HubCheckPolicy = {
  readonly check: HubCheck;
  /** Of the devices of each hub; at least one of each. */
  readonly share: number;
  /** New connections a second at each hub; `null` = half of what the hub allows, as far as that is known. */
  readonly connectionsPerSecond: number | null;
  /** Connections open at once, over all hubs. */
  readonly concurrency: number;
  /** Connections for one device, those of an identity that is not known yet aside. */
  readonly attemptsMax: number;
  /** From an assignment until the hub must know the device. */
  readonly identityWaitMs: number;
  /** Dialing to CONNACK. */
  readonly connectTimeoutMs: number;
  /** A message or request to its answer. */
  readonly answerTimeoutMs: number;
  /** The checks end after this time, those in progress too. */
  readonly durationMs: number;
  /** Endings of host names that may be dialed, each with its leading dot. */
  readonly allowedHosts: readonly string[];
  /** Where every hub is, instead of at its own name; `null` = at its name. */
  readonly connectTo: HubPlace | null;
};

export type HubPlace = { readonly host: string; readonly port: number };

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,62})(?:\.[a-z0-9](?:[a-z0-9-]{0,62}))+$/;

/** A name of the service's answer is text from outside: credentials go nowhere else than to a hub. */
export function isAllowedHub(hub: string, allowedHosts: readonly string[]): boolean {
  const name = hub.toLowerCase();
  return HOST_NAME.test(name) && allowedHosts.some((ending) => name.endsWith(ending) && name.length > ending.length);
}
