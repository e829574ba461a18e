/** Most that two clocks drift apart, as a share of the time: NTP slews by up to 500 ppm, and crystals differ by up to 100 ppm. */
const DRIFT_MAX = 1e-3;

/** What is applied moves towards a new estimate this fast, so that times do not jump: twice as fast as clocks can drift. */
const SLEW_PER_MS = 2 * DRIFT_MAX;

/** Enough to see through a busy minute: one sample with each beat. */
const SAMPLES_MAX = 240;

export type PingSample = {
  /** On the own axis. */
  readonly sentAtMs: number;
  /** On the other axis. */
  readonly atMs: number;
  /** On the own axis. */
  readonly receivedAtMs: number;
};

export type OffsetEstimate = { readonly offsetMs: number; readonly uncertaintyMs: number };

/** Where the true offset was when the question was answered, at `atMs` at the earliest. */
type Bounds = { readonly atMs: number; readonly lowMs: number; readonly highMs: number };

/**
 * How far the own axis is ahead of another machine's, from pings. Each sample bounds the offset by half its round trip; older ones by as much
 * more as the clocks may have drifted since. The truth lies where all bounds overlap (Marzullo 1984).
 */
export class ClockOffset {
  #samples: Bounds[] = [];
  #applied: { readonly offsetMs: number; readonly atMs: number } | null = null;

  /** Pings that the estimate is made from. */
  get samples(): number {
    return this.#samples.length;
  }

  add({ sentAtMs, atMs, receivedAtMs }: PingSample): void {
    const sample = { atMs: sentAtMs, lowMs: sentAtMs - atMs, highMs: receivedAtMs - atMs };
    const overlap = intersection([...this.#samples, sample], receivedAtMs);
    // Bounds that do not meet: a clock was stopped, as by a suspension. Only the newest sample is then true.
    if (overlap === null) this.#samples = [];
    this.#samples.push(sample);
    if (this.#samples.length > SAMPLES_MAX) this.#dropLoosest(receivedAtMs);
    this.#slew(receivedAtMs);
  }

  /** The offset to shift times by, and how far it may be wrong either way; `null` before the first sample. */
  at(nowMs: number): OffsetEstimate | null {
    this.#slew(nowMs);
    const estimate = this.#estimate(nowMs);
    if (estimate === null || this.#applied === null) return null;
    const { offsetMs } = this.#applied;
    return { offsetMs, uncertaintyMs: estimate.uncertaintyMs + Math.abs(estimate.offsetMs - offsetMs) };
  }

  #estimate(nowMs: number): OffsetEstimate | null {
    const overlap = intersection(this.#samples, nowMs);
    if (overlap === null) return null;
    const { lowMs, highMs } = overlap;
    return { offsetMs: (lowMs + highMs) / 2, uncertaintyMs: (highMs - lowMs) / 2 };
  }

  /** Steps to the first estimate, and to one that slewing would not reach within its uncertainty for a second. */
  #slew(nowMs: number): void {
    const estimate = this.#estimate(nowMs);
    if (estimate === null) return;
    const { offsetMs, uncertaintyMs } = estimate;
    const applied = this.#applied;
    const distanceMs = applied === null ? Number.POSITIVE_INFINITY : offsetMs - applied.offsetMs;
    const stepMs = Math.max(0, nowMs - (applied?.atMs ?? nowMs)) * SLEW_PER_MS;
    const jumps = applied === null || Math.abs(distanceMs) > uncertaintyMs + 1_000 * SLEW_PER_MS;
    const moved = jumps ? offsetMs : applied.offsetMs + Math.sign(distanceMs) * Math.min(Math.abs(distanceMs), stepMs);
    this.#applied = { offsetMs: moved, atMs: Math.max(nowMs, applied?.atMs ?? nowMs) };
  }

  /** The sample that bounds least by now. */
  #dropLoosest(nowMs: number): void {
    const widths = this.#samples.map((sample) => widened(sample, nowMs)).map(({ lowMs, highMs }) => highMs - lowMs);
    this.#samples.splice(widths.indexOf(Math.max(...widths)), 1);
  }
}

function intersection(samples: readonly Bounds[], nowMs: number): Omit<Bounds, 'atMs'> | null {
  if (samples.length === 0) return null;
  let [lowMs, highMs] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const sample of samples) {
    const bounds = widened(sample, nowMs);
    lowMs = Math.max(lowMs, bounds.lowMs);
    highMs = Math.min(highMs, bounds.highMs);
  }
  return lowMs <= highMs ? { lowMs, highMs } : null;
}

function widened({ atMs, lowMs, highMs }: Bounds, nowMs: number): Bounds {
  const driftMs = Math.max(0, nowMs - atMs) * DRIFT_MAX;
  return { atMs, lowMs: lowMs - driftMs, highMs: highMs + driftMs };
}
