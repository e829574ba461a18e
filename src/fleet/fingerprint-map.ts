import type { Fingerprint } from './fingerprint-table.ts';

/** Places of an empty map; a power of two. */
const PLACES_MIN = 64;

/** Share of the places that may be used. */
const LOAD_MAX = 0.8;

/**
 * A number for each text, outside the JavaScript heap: by the text's 64-bit fingerprint, with open addressing and linear probing. Takes 20 to 40
 * bytes a text, and 60 while it grows. Different texts may have equal fingerprints, so that whoever must be sure verifies.
 */
export class FingerprintMap {
  readonly #fingerprint: Fingerprint;
  readonly #current = new Uint32Array(2);
  #words = new Uint32Array(2 * PLACES_MIN);
  /** NaN = an empty place. */
  #numbers = new Float64Array(PLACES_MIN).fill(Number.NaN);
  #size = 0;

  constructor(fingerprint: Fingerprint) {
    this.#fingerprint = fingerprint;
  }

  get size(): number {
    return this.#size;
  }

  /** @returns `null` = the text was never set */
  get(text: string): number | null {
    this.#fingerprint(text, this.#current);
    const found = this.#numbers[this.#placeOf(this.#current[0] ?? 0, this.#current[1] ?? 0)] ?? Number.NaN;
    return Number.isNaN(found) ? null : found;
  }

  /** Replaces what the text had before. */
  set(text: string, number: number): void {
    this.#fingerprint(text, this.#current);
    if (this.#put(this.#current[0] ?? 0, this.#current[1] ?? 0, number)) this.#size += 1;
    if (this.#size > LOAD_MAX * this.#numbers.length) this.#grow();
  }

  /** @returns whether the place was empty */
  #put(low: number, high: number, number: number): boolean {
    const place = this.#placeOf(low, high);
    const wasEmpty = Number.isNaN(this.#numbers[place]);
    this.#words[2 * place] = low;
    this.#words[2 * place + 1] = high;
    this.#numbers[place] = number;
    return wasEmpty;
  }

  /** The place of this fingerprint, or the empty one where it belongs. */
  #placeOf(low: number, high: number): number {
    const mask = this.#numbers.length - 1;
    let place = low & mask;
    while (!Number.isNaN(this.#numbers[place]) && !this.#holds(place, low, high)) place = (place + 1) & mask;
    return place;
  }

  #holds(place: number, low: number, high: number): boolean {
    return this.#words[2 * place] === low && this.#words[2 * place + 1] === high;
  }

  #grow(): void {
    const [words, numbers] = [this.#words, this.#numbers];
    this.#words = new Uint32Array(2 * words.length);
    this.#numbers = new Float64Array(2 * numbers.length).fill(Number.NaN);
    for (const [place, number] of numbers.entries()) {
      if (!Number.isNaN(number)) this.#put(words[2 * place] ?? 0, words[2 * place + 1] ?? 0, number);
    }
  }
}
