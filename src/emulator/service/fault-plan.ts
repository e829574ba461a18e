import { foldRegistrationId } from '../../dps/registration-id.ts';
import { DeviceCounts } from './device-counts.ts';
import { uniformHash } from './draws.ts';
import type { Fault, FaultKind, FaultPoint, FaultRule } from './fault-rule.ts';
import { keptText } from './kept-text.ts';
import { patternExpression } from './notation.ts';

/** An injected fault. */
export type FaultRecord = {
  readonly kind: 'fault';
  readonly fault: FaultKind;
  readonly point: FaultPoint;
  /** `null` before CONNECT. At that point, it is the client ID as the device wrote it, cut if it is too long. */
  readonly registrationId: string | null;
  /** Milliseconds since the emulator's start. */
  readonly atMs: number;
};

type Rule = FaultRule & {
  readonly pattern: RegExp | null;
  readonly matches: DeviceCounts;
  readonly strikes: DeviceCounts;
};

/** The latest faults that are kept, about 20 MB; the oldest make room, a tenth at a time. */
export const FAULT_RECORDS_MAX = 100_000;

/** Devices for which a rule counts: as many as an instance of the service has. */
const COUNTED_DEVICES_MAX = 1_000_000;

/** Decides which requests faults strike. The same seed and the same requests of a device give the same faults. */
export class FaultPlan {
  /** The latest ones. */
  readonly records: FaultRecord[] = [];
  /** Records that were too many to keep. */
  droppedRecords = 0;
  #rules: readonly Rule[] = [];
  #seed = 0;
  readonly #startedAtMs: number;
  /** From which the times of the rules count. */
  #rulesSinceMs = 0;
  readonly #onInjected: (record: FaultRecord) => void;

  /** @param onInjected called for each fault */
  constructor(
    rules: readonly FaultRule[],
    seed: number,
    startedAtMs: number,
    onInjected: (record: FaultRecord) => void = () => {},
  ) {
    this.#startedAtMs = startedAtMs;
    this.#onInjected = onInjected;
    this.begin(rules, seed, startedAtMs);
  }

  /** Makes these the rules: their times count from now, and they have struck nobody yet. Records stay. */
  begin(rules: readonly FaultRule[], seed: number, nowMs: number): void {
    this.#rules = rules.map((rule) => ({
      ...rule,
      pattern: rule.registrationIds === null ? null : patternExpression(rule.registrationIds),
      matches: new DeviceCounts(COUNTED_DEVICES_MAX),
      strikes: new DeviceCounts(COUNTED_DEVICES_MAX),
    }));
    this.#seed = seed;
    this.#rulesSinceMs = nowMs;
  }

  forgetRecords(): void {
    this.records.length = 0;
    this.droppedRecords = 0;
  }

  /** The fault of the first rule that strikes, after recording it; `null` = none strikes. */
  next(point: FaultPoint, registrationId: string | null, nowMs: number): Fault | null {
    if (this.#rules.length === 0) return null;
    const sinceMs = nowMs - this.#rulesSinceMs;
    const kept = registrationId === null ? null : keptText(registrationId);
    const device = foldRegistrationId(kept ?? '');
    const rule = this.#rules.find(
      (candidate) => concerns(candidate, point, device, sinceMs) && this.#strikes(candidate, device),
    );
    if (rule === undefined) return null;
    const record: FaultRecord = {
      kind: 'fault',
      fault: rule.fault.kind,
      point,
      registrationId: kept,
      atMs: Math.round(nowMs - this.#startedAtMs),
    };
    this.#keep(record);
    this.#onInjected(record);
    return rule.fault;
  }

  #keep(record: FaultRecord): void {
    if (this.records.length === FAULT_RECORDS_MAX) {
      this.droppedRecords += this.records.splice(0, FAULT_RECORDS_MAX / 10).length;
    }
    this.records.push(record);
  }

  /** Draws for each matching request of a device, and counts them. */
  #strikes(rule: Rule, device: string): boolean {
    if (rule.timesPerDevice !== null && rule.strikes.of(device) >= rule.timesPerDevice) return false;
    const match = rule.matches.of(device);
    if (rule.share < 1) rule.matches.add(device);
    const isStruck = rule.share >= 1 || uniformHash(this.#seed, this.#rules.indexOf(rule), device, match) < rule.share;
    if (isStruck && rule.timesPerDevice !== null) rule.strikes.add(device);
    return isStruck;
  }
}

function concerns(
  { points, pattern, fromMs, untilMs }: Rule,
  point: FaultPoint,
  device: string,
  sinceMs: number,
): boolean {
  const isInTime = sinceMs >= fromMs && (untilMs === null || sinceMs < untilMs);
  // Before CONNECT, the device is unknown: rules for certain devices do not apply.
  return isInTime && points.includes(point) && (pattern === null || pattern.test(device));
}
