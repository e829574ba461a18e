import type { SampleRecord } from '../journal/journal-record.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { type Eta, type EtaFacts, etaOf } from './eta.ts';

/** Samples, one per second, that count as recent: longer than a retry-after, so that their mean is steady. */
const RECENT_SAMPLES = 60;

/** Durations from which future ones are predicted, as many as slots: enough for the tail, few enough to forget how the run began. */
const DURATIONS = { min: 50, max: 500 } as const;

/** What a session has to do, as far as it decides how long that takes. */
export type EtaPlan = {
  /** To settle in this session. */
  readonly registrations: number;
  /** Limit of registrations in flight. */
  readonly concurrency: number;
  /** Scheduled time from a launch, numbered from 0, to the last launch; `null` in the closed model. */
  readonly scheduleLeftMs: (launch: number) => number | null;
  /** The whole run as estimated before it began; stands in until something can be measured. `null` = that would be a guess. */
  readonly estimateMs: number | null;
};

/** Folds a run in progress into what the ETA is estimated from. */
export class EtaFold {
  readonly #plan: EtaPlan;
  /** Start to end of the registrations that ended last, pauses and holds included. */
  readonly #durationsMs: number[] = [];
  readonly #samples: SampleRecord[] = [];
  /** Launches by sample. */
  readonly #starts: { readonly started: number; readonly atMs: number }[] = [];
  #fastestMs = Number.POSITIVE_INFINITY;
  #registersSent = 0;
  #outcomes = 0;

  constructor(plan: EtaPlan) {
    this.#plan = plan;
  }

  add({ registersSent, startedAtMs, finishedAtMs }: RegistrationOutcome): void {
    this.#outcomes += 1;
    this.#registersSent += registersSent;
    if (startedAtMs === null || finishedAtMs === null) return;
    const durationMs = finishedAtMs - startedAtMs;
    this.#fastestMs = Math.min(this.#fastestMs, durationMs);
    keepLast(this.#durationsMs, durationMs, Math.min(DURATIONS.max, Math.max(DURATIONS.min, this.#plan.concurrency)));
  }

  addSample(sample: SampleRecord): void {
    keepLast(this.#samples, sample, RECENT_SAMPLES);
    this.#addStarts(sample);
  }

  /**
   * @param left registrations that have not ended
   * @param isStopping nothing more is launched
   */
  at(nowMs: number, left: number, isStopping: boolean): Eta | null {
    const sample = this.#samples.at(-1);
    if (this.#durationsMs.length === 0 || sample === undefined) return isStopping ? null : this.#estimateLeft(nowMs);
    const inFlight = Math.min(left, sample.inFlight);
    const toLaunch = isStopping ? 0 : left - inFlight;
    return etaOf({
      toLaunch,
      inFlight: this.#launchedLast(inFlight, nowMs),
      slotsAreFull: sample.outstanding >= this.#plan.concurrency,
      scheduleLeftMs: this.#scheduleLeftMs(toLaunch, nowMs),
      startLagMs: sample.startLagMaxMs,
      recent: this.#recentEnds(sample.atMs),
      allowedPerSecond: sample.rateAllowedPerSecond,
      registersPerDevice: Math.max(1, this.#registersSent / Math.max(1, this.#outcomes)),
      durationsMs: this.#durationsMs.toSorted((a, b) => a - b),
      fastestMs: this.#fastestMs,
    });
  }

  /** `null` once the run has outlasted its estimate. */
  #estimateLeft(nowMs: number): Eta | null {
    const leftMs = (this.#plan.estimateMs ?? 0) - nowMs;
    return leftMs <= 0 ? null : { lowMs: leftMs, highMs: leftMs };
  }

  /**
   * Over the samples that are kept. A run whose start is among them could end nothing for as long as a registration takes; half of that
   * is left out.
   */
  #recentEnds(untilMs: number): EtaFacts['recent'] {
    const sum = (of: 'settled' | 'throttles'): number => this.#samples.reduce((total, sample) => total + sample[of], 0);
    const isWhole = this.#samples.length < RECENT_SAMPLES;
    const [first] = this.#samples;
    const fromMs = isWhole || first === undefined ? this.#fastestMs / 2 : first.atMs - first.overMs;
    return { ended: sum('settled'), throttles: sum('throttles'), durationMs: Math.max(1, untilMs - fromMs) };
  }

  /** When the last `count` launches were, the latest first; those before all samples are as old as the first of these. */
  #launchedLast(count: number, nowMs: number): EtaFacts['inFlight'] {
    const cohorts: { count: number; ageMs: number }[] = [];
    let left = count;
    for (const { started, atMs } of this.#starts.toReversed()) {
      if (started > 0 && left > 0) cohorts.push({ count: Math.min(left, started), ageMs: nowMs - atMs });
      left = Math.max(0, left - started);
    }
    return left === 0 ? cohorts : [...cohorts, { count: left, ageMs: nowMs - (this.#starts[0]?.atMs ?? nowMs) }];
  }

  /** From the schedule of what is left, or of what was launched last, if that leaves more: a pause may come first. */
  #scheduleLeftMs(toLaunch: number, nowMs: number): number | null {
    const { registrations, scheduleLeftMs } = this.#plan;
    const next = registrations - toLaunch;
    const leftMs = scheduleLeftMs(next);
    const lastMs = scheduleLeftMs(Math.max(0, next - 1));
    const last = this.#starts.findLast(({ started }) => started > 0);
    if (leftMs === null || lastMs === null || last === undefined || toLaunch === 0) return leftMs;
    return Math.max(leftMs, lastMs - (nowMs - last.atMs));
  }

  /** On average, half way between the samples. */
  #addStarts({ atMs, overMs, launched }: SampleRecord): void {
    keepLast(this.#starts, { started: launched, atMs: atMs - overMs / 2 }, RECENT_SAMPLES);
  }
}

function keepLast<T>(list: T[], value: T, countMax: number): void {
  list.push(value);
  if (list.length > countMax) list.shift();
}
