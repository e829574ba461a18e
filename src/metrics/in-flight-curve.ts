/** A registration takes longer than this: the TLS handshake alone does. */
const INSTANT_MS = 10;
/** Up to here the curve is kept, in 96 kB; longer runs have samples enough. */
const END_MS = 240_000;

/** The number of registrations in progress at instants 10 ms apart, over the first four minutes of a run. */
export class InFlightCurve {
  /** By how much the number changes at each instant. */
  readonly #changes = new Int32Array(END_MS / INSTANT_MS + 1);

  add(startMs: number, endMs: number): void {
    const instantAt = (ms: number): number => Math.ceil(Math.min(Math.max(ms, 0), END_MS) / INSTANT_MS);
    const [first, after] = [instantAt(startMs), instantAt(endMs)];
    this.#changes[first] = (this.#changes[first] ?? 0) + 1;
    this.#changes[after] = (this.#changes[after] ?? 0) - 1;
  }

  /** The largest number in each of `count` periods of this length, from 0 on; `null` beyond the curve. */
  peaks(periodMs: number, count: number): readonly (number | null)[] {
    const peaks: (number | null)[] = Array.from({ length: count }, (_, period) =>
      period * periodMs < END_MS ? 0 : null,
    );
    let inFlight = 0;
    this.#changes.forEach((change, instant) => {
      inFlight += change;
      const period = Math.floor((instant * INSTANT_MS) / periodMs);
      const peak = peaks[period] ?? null;
      if (peak !== null) peaks[period] = Math.max(peak, inFlight);
    });
    return peaks;
  }
}
