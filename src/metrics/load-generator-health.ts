import type { SampleRecord } from '../journal/journal-record.ts';
import { DurationHistogram } from './duration-histogram.ts';
import { Extent } from './extent.ts';

/**
 * Beyond these limits the load generator, not the service, shaped the result. The fastest response to a register request
 * seen from the service took 400 ms; a tenth of that, 40 ms, is the lateness that a measurement tolerates.
 */
export const HEALTH_LIMITS = Object.freeze({
  /** 99th percentile of the start lag of assigned registrations, for every load shape but closed. */
  startLagP99Ms: 40,
  /** 99th percentile over all seconds of the longest event-loop delay of any worker. */
  loopDelayP99Ms: 40,
  /** Mean busy cores per worker: at 80% of a core, work waits four times as long as it takes (M/M/1). */
  cpuPerWorker: 0.8,
});

export type HealthLimit = {
  readonly name: keyof typeof HEALTH_LIMITS;
  readonly limit: number;
  /** `null` = not measured, hence not exceeded. */
  readonly observed: number | null;
  readonly exceeded: boolean;
};

/** Load generator measurements; `null` = not measured. CPU in busy cores. */
export type HealthSummary = ReturnType<LoadGeneratorHealth['summary']>;

/** Folds samples into measurements of the load generator. */
export class LoadGeneratorHealth {
  readonly #loopDelays = new DurationHistogram();
  readonly #cpuShare = new Extent();
  readonly #cpuPerWorker = new Extent();
  readonly #emulatorCpuShare = new Extent();
  readonly #fileDescriptors = new Extent();
  readonly #rssBytes = new Extent();

  /** @param workers of the sample's session */
  add(sample: SampleRecord, workers: number): void {
    if (sample.loopDelayMaxMs.length > 0) this.#loopDelays.recordMs(Math.max(...sample.loopDelayMaxMs));
    this.#cpuShare.add(sample.cpuShare);
    this.#emulatorCpuShare.add(sample.emulatorCpuShare);
    this.#fileDescriptors.add(sample.fileDescriptors);
    this.#rssBytes.add(sample.rssBytes);
    // An idle second says nothing about the load.
    if (sample.inFlight > 0) this.#cpuPerWorker.add(sample.cpuShare / workers);
  }

  /** @param startLags of assigned registrations; `null` in the closed model, which has no schedule */
  summary(startLags: DurationHistogram | null) {
    const startLagP99Ms = startLags?.percentileMs(99) ?? null;
    const loopDelayP99Ms = this.#loopDelays.percentileMs(99);
    const limits = judge({ startLagP99Ms, loopDelayP99Ms, cpuPerWorker: meanOf(this.#cpuPerWorker) });
    return {
      limited: limits.some(({ exceeded }) => exceeded),
      limits,
      startLagP99Ms,
      startLagMaxMs: startLags?.percentileMs(100) ?? null,
      loopDelayP99Ms,
      loopDelayMaxMs: this.#loopDelays.percentileMs(100),
      cpuShareMean: meanOf(this.#cpuShare),
      cpuShareMax: this.#cpuShare.max,
      emulatorCpuShareMean: meanOf(this.#emulatorCpuShare),
      fileDescriptorsMax: this.#fileDescriptors.max,
      rssBytesMax: this.#rssBytes.max,
    };
  }
}

function judge(seen: Readonly<Record<HealthLimit['name'], number | null>>): readonly HealthLimit[] {
  return (Object.keys(HEALTH_LIMITS) as HealthLimit['name'][]).map((name) => {
    const [limit, observed] = [HEALTH_LIMITS[name], seen[name]];
    return { name, limit, observed, exceeded: observed !== null && observed > limit };
  });
}

/** Rounded to a thousandth. */
function meanOf({ mean }: Extent): number | null {
  return mean === null ? null : Math.round(mean * 1000) / 1000;
}
