import { HUB_CHECK_RESULTS, type HubCheckFailure, type HubCheckResult } from '../hub/hub-check.ts';
import type { HubCheckRecord, HubEndRecord, HubSessionRecord } from '../journal/hub-check-record.ts';
import { DurationHistogram } from './duration-histogram.ts';

/** Failed checks that are listed; hub-checks.csv has all. */
const FAILURES_LISTED_MAX = 20;

type FailedCheck = Pick<HubCheckRecord, 'registrationId' | 'deviceId' | 'hub' | 'message' | 'row'> & {
  readonly result: HubCheckFailure;
};

type HubFold = {
  readonly devices: number;
  readonly sampled: number;
  readonly perSecond: number;
  readonly counts: Map<HubCheckResult, number>;
  attempts: number;
  /** Dialing to CONNACK, on the last connection, of the devices that passed. */
  readonly connect: DurationHistogram;
  /** The message to its PUBACK, or the twin request to its twin. */
  readonly answer: DurationHistogram;
};

export type HubCheckSummary = ReturnType<HubCheckFold['result']>;

/** Folds the checks that count, in the order of the fleet. */
export class HubCheckFold {
  readonly #session: HubSessionRecord;
  readonly #end: HubEndRecord | null;
  readonly #hubs = new Map<string, HubFold>();
  readonly #firstOf = new Map<HubCheckFailure, { readonly message: string | null; readonly row: number }>();
  readonly #failures: FailedCheck[] = [];

  constructor(session: HubSessionRecord, end: HubEndRecord | null) {
    this.#session = session;
    this.#end = end;
    for (const { hub, devices, sampled, perSecond } of session.hubs) this.#addHub(hub, { devices, sampled, perSecond });
  }

  add(record: HubCheckRecord): void {
    const { attempts, hub: name, message, phases, result, row } = record;
    const hub = this.#hubs.get(name) ?? this.#addHub(name, { devices: 0, sampled: 0, perSecond: 0 });
    hub.counts.set(result, (hub.counts.get(result) ?? 0) + 1);
    hub.attempts += attempts;
    if (result === 'passed') {
      const { dnsMs, tcpMs, tlsMs, connackMs, answerMs } = phases;
      hub.connect.recordMs((dnsMs ?? 0) + (tcpMs ?? 0) + (tlsMs ?? 0) + (connackMs ?? 0));
      if (answerMs !== null) hub.answer.recordMs(answerMs);
      return;
    }
    if (!this.#firstOf.has(result)) this.#firstOf.set(result, { message, row });
    if (this.#failures.length < FAILURES_LISTED_MAX) this.#failures.push({ ...record, result });
  }

  result() {
    const { check, share } = this.#session;
    const hubs = [...this.#hubs].map(([hub, fold]) => summarizeHub(hub, fold));
    const sum = (member: 'devices' | 'sampled' | 'passed' | 'failed' | 'left' | 'attempts'): number =>
      hubs.reduce((total, one) => total + one[member], 0);
    const [connect, answer] = [new DurationHistogram(), new DurationHistogram()];
    for (const fold of this.#hubs.values()) {
      connect.addAll(fold.connect);
      answer.addAll(fold.answer);
    }
    return {
      check,
      share,
      end: this.#end?.reason ?? null,
      devices: sum('devices'),
      sampled: sum('sampled'),
      passed: sum('passed'),
      failed: sum('failed'),
      left: sum('left'),
      attempts: sum('attempts'),
      connect: connect.summary(),
      answer: answer.summary(),
      hubs,
      errors: this.#errors(),
      failures: this.#failures.map(({ registrationId, deviceId, hub, result, message }) => {
        return { registrationId, deviceId, hub, result, message };
      }),
    };
  }

  #addHub(name: string, facts: Pick<HubFold, 'devices' | 'sampled' | 'perSecond'>): HubFold {
    const fold = {
      ...facts,
      counts: new Map<HubCheckResult, number>(),
      attempts: 0,
      connect: new DurationHistogram(),
      answer: new DurationHistogram(),
    };
    this.#hubs.set(name, fold);
    return fold;
  }

  /** Most frequent first. */
  #errors() {
    return [...this.#firstOf]
      .map(([code, first]) => {
        const count = [...this.#hubs.values()].reduce((total, { counts }) => total + (counts.get(code) ?? 0), 0);
        return { code, count, message: first.message, firstRow: first.row };
      })
      .sort((one, other) => other.count - one.count || one.firstRow - other.firstRow);
  }
}

function summarizeHub(hub: string, { counts, connect, answer, devices, sampled, perSecond, attempts }: HubFold) {
  const passed = counts.get('passed') ?? 0;
  const failures = HUB_CHECK_RESULTS.filter((result) => result !== 'passed').flatMap((code) => {
    const count = counts.get(code) ?? 0;
    return count === 0 ? [] : [{ code, count }];
  });
  const failed = failures.reduce((total, { count }) => total + count, 0);
  return {
    hub,
    devices,
    sampled,
    passed,
    failed,
    // A check whose device got another hub later does not count, and devices may have been added to the sample.
    left: Math.max(0, sampled - passed - failed),
    attempts,
    perSecond,
    failures,
    connect: connect.summary(),
    answer: answer.summary(),
  };
}
