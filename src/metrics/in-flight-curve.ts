import type { RegistrationOutcome } from '../registration/registration-outcome.ts';

/** Of a run of up to four minutes. A registration takes longer than this: the TLS handshake alone does. */
const INSTANT_MS_MIN = 10;
/** 96 kB. */
const INSTANTS_MAX = 24_000;

/** The fewest and the most registrations in progress at once. */
export type InFlightExtremes = { readonly least: number; readonly most: number };

/** The number of registrations in progress at equally spaced instants of a run: 10 ms apart, in longer runs twice as far, and so on. */
export class InFlightCurve {
  /** By how much the number changes up to each instant since the one before it. */
  readonly #changes = new Int32Array(INSTANTS_MAX + 1);
  #instantMs = INSTANT_MS_MIN;

  /** @param clockOffsetMs time by which the outcome's clock is behind that of the first session */
  add(
    { startedAtMs, finishedAtMs }: Pick<RegistrationOutcome, 'startedAtMs' | 'finishedAtMs'>,
    clockOffsetMs = 0,
  ): void {
    if (startedAtMs === null || finishedAtMs === null) return;
    this.#change(clockOffsetMs + startedAtMs, 1);
    this.#change(clockOffsetMs + finishedAtMs, -1);
  }

  get instantMs(): number {
    return this.#instantMs;
  }

  /** In each of `count` periods of this length, from 0 on. */
  extremes(periodMs: number, count: number): readonly InFlightExtremes[] {
    const extremes: InFlightExtremes[] = [];
    let inFlight = 0;
    let instant = 0;
    for (let period = 0; period < count; period += 1) {
      let [least, most] = [Number.POSITIVE_INFINITY, 0];
      for (; instant <= INSTANTS_MAX && instant * this.#instantMs < (period + 1) * periodMs; instant += 1) {
        inFlight += this.#changes[instant] ?? 0;
        [least, most] = [Math.min(least, inFlight), Math.max(most, inFlight)];
      }
      extremes.push(least > most ? { least: inFlight, most: inFlight } : { least, most });
    }
    return extremes;
  }

  #change(atMs: number, by: number): void {
    while (Math.ceil(atMs / this.#instantMs) > INSTANTS_MAX) this.#halve();
    const instant = Math.max(0, Math.ceil(atMs / this.#instantMs));
    this.#changes[instant] = (this.#changes[instant] ?? 0) + by;
  }

  /** Keeps every second instant, with the changes up to it. */
  #halve(): void {
    for (let instant = 1; instant <= INSTANTS_MAX; instant += 1) {
      const changes = (this.#changes[instant * 2 - 1] ?? 0) + (this.#changes[instant * 2] ?? 0);
      this.#changes[instant] = changes;
    }
    this.#instantMs *= 2;
  }
}
