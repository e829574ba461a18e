import { parseRequestTopic, responseTopic } from '../../src/dps/topics.ts';
import type { MqttIdentity } from '../../src/mqtt/mqtt-connection.ts';
import { SimulatedRandom } from './simulated-random.ts';

export type SimulatedAnswer = { readonly topic: string; readonly payload: string; readonly delayMs: number };

/** The other side of a simulated network: what a service does, without time or wire. */
export interface SimulatedService {
  /** The CONNACK's return code. */
  connect(identity: MqttIdentity, atMs: number): number;
  /** What it answers to a PUBLISH on an accepted connection. */
  request(identity: MqttIdentity, topic: string, payload: string, atMs: number): readonly SimulatedAnswer[];
  /** The hub in the device's registration record. */
  assignedHub(registrationId: string): string | null;
  /** Register requests of the device that it acted on, and did not end as failed. */
  registered(registrationId: string): number;
}

const FATES = ['assigns', 'endless', 'fails', 'disabled', 'unauthorized', 'oldKey', 'notFound'] as const;
type Fate = (typeof FATES)[number];

type Device = {
  readonly random: SimulatedRandom;
  readonly fate: Fate;
  /** Probability that a request is answered with trouble. */
  readonly trouble: number;
  /** Operation ID → when its assignment is done. */
  readonly operations: Map<string, number>;
  hub: string | null;
  registered: number;
};

const HUBS = ['hub-a.azure-devices.net', 'hub-b.azure-devices.net', 'hub-c.azure-devices.net'] as const;

/** Answers that no client can use, to the request in flight. */
const MALFORMED = [
  '',
  '{',
  '[]',
  'null',
  '<html>Bad gateway</html>',
  '{"status":"assigned"}',
  '{"status":"assigned","registrationState":{"assignedHub":""}}',
  '{"status":"retired"}',
  '{"operationId":7,"status":["assigned"]}',
  '{"status":"assigned","registrationState":["hub-x"]}',
] as const;

/** A small service of the simulation's own: it follows the protocol, and troubles each device as often as its dice say. */
export class ModelService implements SimulatedService {
  readonly #seed: number;
  readonly #devices = new Map<string, Device>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  connect(identity: MqttIdentity): number {
    const { random, trouble } = this.#device(identity.clientId);
    if (random.chance(trouble / 4)) return 3;
    return random.chance(trouble / 100) ? random.pick([1, 2, 4, 5]) : 0;
  }

  request(identity: MqttIdentity, topic: string, _payload: string, atMs: number): readonly SimulatedAnswer[] {
    const device = this.#device(identity.clientId);
    const request = parseRequestTopic(topic);
    if (request === null) return [];
    const answer = (status: number, payload: string, retryAfterSeconds: number | null): SimulatedAnswer[] => [
      {
        topic: responseTopic({ status, requestId: request.requestId, retryAfterSeconds }),
        payload,
        delayMs: device.random.whole(1, 800),
      },
    ];
    if (device.random.chance(device.trouble)) {
      const [status, payload, retryAfterSeconds] = this.#troubled(device);
      const saysNothing = status >= 500 || status < 300;
      // What fails may have been done.
      if (saysNothing && request.kind === 'register' && device.random.chance(0.5)) {
        this.#register(device, identity.clientId, atMs);
      }
      return answer(status, payload, retryAfterSeconds);
    }
    if (device.fate === 'oldKey' && identity.password === '0') {
      return answer(401, errorBody(401000, 'Unauthorized'), device.random.pick([null, 2]));
    }
    if (request.kind === 'register') return answer(...this.#register(device, identity.clientId, atMs));
    return answer(...this.#poll(device, request.operationId, identity.clientId, atMs));
  }

  assignedHub(registrationId: string): string | null {
    return this.#devices.get(registrationId)?.hub ?? null;
  }

  registered(registrationId: string): number {
    return this.#devices.get(registrationId)?.registered ?? 0;
  }

  #register(device: Device, registrationId: string, atMs: number): [number, string, number | null] {
    const { random, fate, operations } = device;
    if (fate === 'unauthorized') return [401, errorBody(401000, 'Unauthorized'), null];
    if (fate === 'notFound') return [404, errorBody(404201, 'Not found.'), null];
    if (fate === 'disabled') return [200, stateBody(null, 'disabled', registrationId, ''), null];
    if (fate !== 'fails') device.registered += 1;
    if (fate === 'assigns' && random.chance(0.05)) return this.#assigned(device, null, registrationId);
    const operationId = `5.${random.whole(0, 2 ** 31)}.${operations.size}`;
    operations.set(operationId, atMs + random.pick([0, 200, 1_000, 10_000]));
    const status = random.chance(0.1) ? 'unassigned' : 'assigning';
    return [
      random.chance(0.1) ? 200 : 202,
      `{"operationId":"${operationId}","status":"${status}"}`,
      retryAfter(random),
    ];
  }

  #poll(device: Device, operationId: string, registrationId: string, atMs: number): [number, string, number | null] {
    const { random, fate, operations } = device;
    if (random.chance(device.trouble / 4)) operations.delete(operationId);
    const doneAtMs = operations.get(operationId);
    if (doneAtMs === undefined) return [404, errorBody(404203, 'Operation not found.'), null];
    if (fate === 'endless' || atMs < doneAtMs) {
      // Without the operation ID, or with one that it is not: the client is to keep the first.
      const named = random.pick([`"operationId":"${operationId}",`, '', '"operationId":"5.other",']);
      return [202, `{${named}"status":"assigning"}`, retryAfter(random)];
    }
    if (fate !== 'fails') return this.#assigned(device, operationId, registrationId);
    const error = ',"errorCode":400207,"errorMessage":"Custom allocation failed with status code: 400"';
    return [200, stateBody(operationId, 'failed', registrationId, error), null];
  }

  #assigned(device: Device, operationId: string | null, registrationId: string): [number, string, number | null] {
    device.hub ??= device.random.pick(HUBS);
    const state = `,"assignedHub":"${device.hub}","deviceId":"${registrationId}","substatus":"initialAssignment"`;
    return [200, stateBody(operationId, 'assigned', registrationId, state), null];
  }

  #troubled({ random }: Device): [number, string, number | null] {
    const pause = random.pick([null, 0, 1, 5, 30, 500]);
    switch (random.whole(0, 8)) {
      case 0:
      case 1:
      case 2:
        return [429, errorBody(429001, 'Operations are being throttled for this tenant.'), pause];
      case 3:
      case 4:
        return [random.pick([500, 503]), random.pick([errorBody(500000, 'Internal'), '']), pause];
      case 5:
        return [409, errorBody(409203, 'Precondition failed.'), null];
      case 6:
        return [401, errorBody(401002, 'Invalid certificate.'), null];
      default:
        return [random.pick([200, 202]), random.pick(MALFORMED), pause];
    }
  }

  #device(registrationId: string): Device {
    const known = this.#devices.get(registrationId);
    if (known !== undefined) return known;
    const random = new SimulatedRandom(this.#seed ^ Math.imul(this.#devices.size + 1, 0x9e3779b1));
    const fate = random.chance(0.85) ? 'assigns' : random.pick(FATES);
    const trouble = random.pick([0, 0, 0, 0, 0.1, 0.9]);
    const device: Device = { random, fate, trouble, operations: new Map(), hub: null, registered: 0 };
    this.#devices.set(registrationId, device);
    return device;
  }
}

function retryAfter(random: SimulatedRandom): number | null {
  return random.pick([3, 3, 3, null, 0, 1, 20, 100]);
}

function errorBody(errorCode: number, message: string): string {
  return `{"errorCode":${errorCode},"trackingId":"T","message":"${message}","timestampUtc":"2026-01-01T00:00:00.0000000Z"}`;
}

/** @param members of the registration state, each with a comma before it */
function stateBody(operationId: string | null, status: string, registrationId: string, members: string): string {
  const named = operationId === null ? '' : `"operationId":"${operationId}",`;
  return `{${named}"status":"${status}","registrationState":{"registrationId":"${registrationId}"${members},"status":"${status}"}}`;
}
