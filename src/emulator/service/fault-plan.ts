import { foldRegistrationId } from '../../dps/registration-id.ts';
import { uniformHash } from './draws.ts';
import type { Fault, FaultKind, FaultPoint, FaultRule } from './fault-rule.ts';
import { patternExpression } from './notation.ts';

/** An injected fault. */
export type FaultRecord = {
  readonly kind: 'fault';
  readonly fault: FaultKind;
  readonly point: FaultPoint;
  /** `null` before CONNECT. */
  readonly registrationId: string | null;
  /** Milliseconds since the emulator's start. */
  readonly atMs: number;
};

type Rule = FaultRule & {
  readonly pattern: RegExp | null;
  readonly matches: Map<string, number>;
  readonly strikes: Map<string, number>;
};

/** Decides which requests faults strike. The same seed and the same requests of a device give the same faults. */
export class FaultPlan {
  readonly records: FaultRecord[] = [];
  readonly #rules: readonly Rule[];
  readonly #seed: number;
  readonly #startedAtMs: number;
  readonly #onInjected: (record: FaultRecord) => void;

  /** @param onInjected called for each fault */
  constructor(
    rules: readonly FaultRule[],
    seed: number,
    startedAtMs: number,
    onInjected: (record: FaultRecord) => void = () => {},
  ) {
    this.#rules = rules.map((rule) => ({
      ...rule,
      pattern: rule.registrationIds === null ? null : patternExpression(rule.registrationIds),
      matches: new Map(),
      strikes: new Map(),
    }));
    this.#seed = seed;
    this.#startedAtMs = startedAtMs;
    this.#onInjected = onInjected;
  }

  /** The fault of the first rule that strikes, after recording it; `null` = none strikes. */
  next(point: FaultPoint, registrationId: string | null, nowMs: number): Fault | null {
    if (this.#rules.length === 0) return null;
    const atMs = nowMs - this.#startedAtMs;
    const device = registrationId === null ? '' : foldRegistrationId(registrationId);
    const rule = this.#rules.find(
      (candidate) => concerns(candidate, point, device, atMs) && this.#strikes(candidate, device),
    );
    if (rule === undefined) return null;
    const record: FaultRecord = {
      kind: 'fault',
      fault: rule.fault.kind,
      point,
      registrationId,
      atMs: Math.round(atMs),
    };
    this.records.push(record);
    this.#onInjected(record);
    return rule.fault;
  }

  /** Draws for each matching request of a device, and counts them. */
  #strikes(rule: Rule, device: string): boolean {
    if (rule.timesPerDevice !== null && (rule.strikes.get(device) ?? 0) >= rule.timesPerDevice) return false;
    const match = rule.matches.get(device) ?? 0;
    if (rule.share < 1) rule.matches.set(device, match + 1);
    const isStruck = rule.share >= 1 || uniformHash(this.#seed, this.#rules.indexOf(rule), device, match) < rule.share;
    if (isStruck && rule.timesPerDevice !== null) rule.strikes.set(device, (rule.strikes.get(device) ?? 0) + 1);
    return isStruck;
  }
}

function concerns(
  { points, pattern, fromMs, untilMs }: Rule,
  point: FaultPoint,
  device: string,
  atMs: number,
): boolean {
  const isInTime = atMs >= fromMs && (untilMs === null || atMs < untilMs);
  // Before CONNECT, the device is unknown: rules for certain devices do not apply.
  return isInTime && points.includes(point) && (pattern === null || pattern.test(device));
}
