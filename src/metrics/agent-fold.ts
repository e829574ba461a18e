import type { AgentSample } from '../journal/agent-record.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { Extent } from './extent.ts';
import { LimitedPeriods, type Period } from './limited-periods.ts';
import { LogHistogram } from './log-histogram.ts';
import { outcomeTimes } from './outcome-times.ts';
import { roundToThousandth } from './round.ts';

/** Measurements of an agent; `null` = not measured. CPU in busy cores. */
export type AgentMeasures = ReturnType<AgentFold['measures']>;

/** Folds samples and outcomes of one agent. */
export class AgentFold {
  readonly #startLags = new LogHistogram();
  readonly #periods = new LimitedPeriods();
  readonly #extents = {
    workers: new Extent(),
    inFlight: new Extent(),
    startLagMaxMs: new Extent(),
    loopDelayMaxMs: new Extent(),
    cpuShare: new Extent(),
    rssBytes: new Extent(),
    fileDescriptors: new Extent(),
    offsetUncertaintyMs: new Extent(),
  };
  readonly #counts = { losses: 0, launched: 0, connections: 0, slotWaits: 0, delayed: 0 };
  readonly #delays = { saturatedMs: 0, slotWaitMaxMs: 0, delayedMs: 0, delayMaxMs: 0 };
  #offsetMs: number | null = null;
  #isLost = false;

  /** A lost agent has reported nothing. */
  add(sample: AgentSample, atMs: number): void {
    this.#counts.launched += sample.launched;
    this.#periods.add(atMs, sample.saturatedMs);
    this.#delays.saturatedMs += sample.saturatedMs;
    if (sample.isLost && !this.#isLost) this.#counts.losses += 1;
    this.#isLost = sample.isLost;
    if (sample.isLost) return;
    this.#offsetMs = sample.offsetMs;
    const extents = this.#extents;
    extents.workers.add(sample.workers.length);
    for (const name of SAMPLED) extents[name].add(sample[name]);
  }

  /** @param atMs end of the registration, since the run began */
  addOutcome(outcome: RegistrationOutcome, atMs: number): void {
    const { attempts, slotWaitMs, stalled } = outcome;
    this.#counts.connections += attempts;
    const times = outcomeTimes(outcome);
    if (times !== null) this.#startLags.add(times.startLagMs);
    if (slotWaitMs > 0) this.#counts.slotWaits += 1;
    this.#delays.slotWaitMaxMs = Math.max(this.#delays.slotWaitMaxMs, slotWaitMs);
    // Without holds: those are the coordinator's.
    const delayMs = stalled === null ? 0 : stalled.startLagMs + stalled.serviceMs;
    if (delayMs <= 0) return;
    this.#counts.delayed += 1;
    this.#delays.delayedMs += delayMs;
    this.#delays.delayMaxMs = Math.max(this.#delays.delayMaxMs, delayMs);
    this.#periods.add(atMs, delayMs);
  }

  /** @param firstStartMs from which its periods count */
  periods(firstStartMs: number): readonly Period[] {
    return this.#periods.periods(firstStartMs);
  }

  measures() {
    const { workers, inFlight, startLagMaxMs, loopDelayMaxMs, cpuShare, rssBytes, fileDescriptors, ...clock } =
      this.#extents;
    const { delayedMs, delayMaxMs, saturatedMs, slotWaitMaxMs } = this.#delays;
    const startLagP99Ms = startLagMaxMs.count === 0 ? null : this.#startLags.percentileMs(99);
    return {
      isLost: this.#isLost,
      ...this.#counts,
      workersMax: workers.max ?? 0,
      inFlightMax: inFlight.max ?? 0,
      startLagP99Ms: startLagP99Ms === null ? null : roundToThousandth(startLagP99Ms),
      startLagMaxMs: startLagMaxMs.max,
      loopDelayMaxMs: loopDelayMaxMs.max,
      cpuShareMean: cpuShare.mean === null ? null : roundToThousandth(cpuShare.mean),
      cpuShareMax: cpuShare.max,
      rssBytesMax: rssBytes.max,
      fileDescriptorsMax: fileDescriptors.max,
      offsetMs: this.#offsetMs,
      offsetUncertaintyMs: clock.offsetUncertaintyMs.max,
      saturatedMs: roundToThousandth(saturatedMs),
      delayedMs: roundToThousandth(delayedMs),
      delayMaxMs: roundToThousandth(delayMaxMs),
      slotWaitMaxMs: roundToThousandth(slotWaitMaxMs),
    };
  }
}

const SAMPLED = [
  'inFlight',
  'startLagMaxMs',
  'loopDelayMaxMs',
  'cpuShare',
  'rssBytes',
  'fileDescriptors',
  'offsetUncertaintyMs',
] as const satisfies readonly (keyof AgentSample)[];
