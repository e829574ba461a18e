/** Neighboring bins differ by 0.1%, as those of the published histograms do. */
export const BIN_STEP = 0.001;

/** Durations count from 1 µs, the resolution of the published histograms. */
const DURATION_MS_MIN = 0.001;

/** The bin of a duration, on a logarithmic scale; shorter ones count as `DURATION_MS_MIN`. */
export function binOf(durationMs: number): number {
  return Math.round(Math.log(Math.max(durationMs, DURATION_MS_MIN) / DURATION_MS_MIN) / Math.log1p(BIN_STEP));
}

export function durationOfBin(bin: number): number {
  return DURATION_MS_MIN * Math.exp(bin * Math.log1p(BIN_STEP));
}
