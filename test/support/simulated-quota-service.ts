import { parseRequestTopic, responseTopic } from '../../src/dps/topics.ts';
import { type RateLimit, type RateLimiter, rateLimiter } from '../../src/emulator/service/quotas.ts';
import type { MqttConnection, MqttEvent, MqttIdentity, OpenMqttConnection } from '../../src/mqtt/mqtt-connection.ts';
import type { SimulatedRandom } from './simulated-random.ts';
import type { VirtualClock } from './virtual-clock.ts';

export type QuotaServiceOptions = {
  readonly limit: RateLimit;
  /** What a throttled request is told; `exact` = until the budget has room; `null` = nothing. */
  readonly retryAfterSeconds: number | 'exact' | null;
  /** Probability that a connection is lost, an answer fails with 500, an operation is forgotten, or a handshake takes seconds. */
  readonly trouble: number;
};

/** What the service saw of one device. */
type Device = {
  /** Register requests that it accepted. */
  accepted: number;
  operation: number;
  doneAtMs: number;
  /** No request may come before. */
  notBeforeMs: number;
};

const HANDSHAKE_MS = { min: 20, max: 200, slowMax: 8_000 } as const;
const ANSWER_MS = { min: 10, max: 150 } as const;
const RETRY_AFTER_SECONDS = 3;

/** A service with a quota, behind a network of its own; it watches every device that it serves. */
export class SimulatedQuotaService {
  readonly #clock: VirtualClock;
  readonly #random: SimulatedRandom;
  readonly #options: QuotaServiceOptions;
  readonly #limiter: RateLimiter;
  readonly #devices = new Map<string, Device>();
  /** What must never happen, and did. */
  readonly violations: string[] = [];
  /** Moments of all register requests of devices. */
  readonly registersAtMs: number[] = [];
  throttled = 0;
  requests = 0;
  foreignThrottled = 0;

  constructor(clock: VirtualClock, random: SimulatedRandom, options: QuotaServiceOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#options = options;
    this.#limiter = rateLimiter(options.limit, 0);
  }

  /** How often it accepted a register request of this device; it then forgets it. */
  takeAccepted(registrationId: string): number {
    const accepted = this.#devices.get(registrationId)?.accepted ?? 0;
    this.#devices.delete(registrationId);
    return accepted;
  }

  /** The device is gone; what was asked of it does not bind the next that comes with its name. */
  left(registrationId: string): void {
    const device = this.#devices.get(registrationId);
    if (device !== undefined) device.notBeforeMs = 0;
  }

  /** Somebody else's register requests, evenly spread. */
  loadFromElsewhere(perMinute: number, untilMs: number): void {
    const next = (): void => {
      if (this.#limiter(this.#clock.nowMs()) > 0) this.foreignThrottled += 1;
      const atMs = this.#clock.nowMs() + 60_000 / perMinute;
      if (atMs < untilMs) this.#clock.wakeAt(atMs, next);
    };
    this.#clock.wakeAt(this.#clock.nowMs(), next);
  }

  readonly open: OpenMqttConnection = (identity, onEvent) => {
    let isOpen = true;
    const later = (delayMs: number, happen: () => void): void => {
      this.#clock.wakeAt(this.#clock.nowMs() + delayMs, () => {
        if (isOpen) happen();
      });
    };
    const lose = (): void => {
      isOpen = false;
      onEvent({ type: 'lost', failure: { code: 'closed', message: 'simulated' } });
    };
    const emit = (delayMs: number, event: MqttEvent): void => later(delayMs, () => onEvent(event));
    const slow = this.#random.chance(this.#options.trouble);
    const handshakeMs = this.#random.whole(HANDSHAKE_MS.min, slow ? HANDSHAKE_MS.slowMax : HANDSHAKE_MS.max);
    if (this.#random.chance(this.#options.trouble)) later(handshakeMs, lose);
    else emit(handshakeMs, { type: 'connected' });
    const connection: MqttConnection = {
      subscribe: () => emit(ANSWER_MS.min, { type: 'subscribed' }),
      publish: (topic) => {
        const answer = this.#request(identity, topic);
        if (this.#random.chance(this.#options.trouble)) later(ANSWER_MS.min, lose);
        else later(this.#random.whole(ANSWER_MS.min, ANSWER_MS.max), () => this.#deliver(identity, answer, onEvent));
      },
      close: () => {
        isOpen = false;
      },
    };
    return connection;
  };

  #deliver(identity: MqttIdentity, answer: Answer, onEvent: (event: MqttEvent) => void): void {
    if (answer.retryAfterSeconds !== null) {
      this.#device(identity).notBeforeMs = this.#clock.nowMs() + answer.retryAfterSeconds * 1_000;
    }
    onEvent({ type: 'message', topic: responseTopic(answer), payload: answer.payload });
  }

  #request(identity: MqttIdentity, topic: string): Answer {
    const request = parseRequestTopic(topic);
    if (request === null) throw new Error(`published ${topic}`);
    const nowMs = this.#clock.nowMs();
    const device = this.#device(identity);
    if (nowMs < device.notBeforeMs) this.violations.push(`${identity.clientId} undercut its retry-after`);
    this.requests += 1;
    const answer = (status: number, payload: string, retryAfterSeconds: number | null): Answer => ({
      status,
      requestId: request.requestId,
      retryAfterSeconds,
      payload,
    });
    if (request.kind === 'poll') return answer(...this.#poll(device, identity.clientId, nowMs));
    this.registersAtMs.push(nowMs);
    return answer(...this.#register(device, nowMs));
  }

  #register(device: Device, nowMs: number): [number, string, number | null] {
    const waitMs = this.#limiter(nowMs);
    if (waitMs > 0) {
      this.throttled += 1;
      const { retryAfterSeconds } = this.#options;
      return [
        429,
        '{"errorCode":429001}',
        retryAfterSeconds === 'exact' ? Math.ceil(waitMs / 1_000) : retryAfterSeconds,
      ];
    }
    const fails = this.#random.chance(this.#options.trouble);
    // What fails may have been done.
    if (!fails || this.#random.chance(0.5)) {
      device.accepted += 1;
      device.operation += 1;
      device.doneAtMs = nowMs + this.#random.whole(100, 2_500);
    }
    if (fails) return [500, '{"errorCode":500000}', null];
    return [202, `{"operationId":"5.${device.operation}","status":"assigning"}`, RETRY_AFTER_SECONDS];
  }

  #poll(device: Device, registrationId: string, nowMs: number): [number, string, number | null] {
    if (this.#random.chance(this.#options.trouble)) return [404, '{"errorCode":404203}', null];
    if (nowMs < device.doneAtMs)
      return [202, `{"operationId":"5.${device.operation}","status":"assigning"}`, RETRY_AFTER_SECONDS];
    const state = `{"registrationId":"${registrationId}","assignedHub":"hub-a","deviceId":"${registrationId}","status":"assigned"}`;
    return [200, `{"operationId":"5.${device.operation}","status":"assigned","registrationState":${state}}`, null];
  }

  #device({ clientId }: MqttIdentity): Device {
    const known = this.#devices.get(clientId);
    if (known !== undefined) return known;
    const device: Device = { accepted: 0, operation: 0, doneAtMs: 0, notBeforeMs: 0 };
    this.#devices.set(clientId, device);
    return device;
  }
}

type Answer = {
  readonly status: number;
  readonly requestId: string;
  readonly retryAfterSeconds: number | null;
  readonly payload: string;
};
