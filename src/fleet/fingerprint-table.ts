/** Writes 64 bits, equal for equal texts, into the two words of `into`. */
export type Fingerprint = (text: string, into: Uint32Array) => void;

/** Slots of an empty table; a power of two. */
const SLOTS_MIN = 64;

/** Share of the slots that may be used; at this share, both tables together take 30.5 bytes a row while the table grows. */
const LOAD_MAX = 0.8;

/**
 * A set of 64-bit fingerprints outside the JavaScript heap: open addressing with linear probing, two words a slot, and one
 * bit a slot for "repeated". Takes at most 32 bytes a text at any moment, growth included (above `SLOTS_MIN` slots).
 *
 * Equal texts are always found; different texts may have equal fingerprints, so a repetition must be verified.
 */
export class FingerprintTable {
  readonly #fingerprint: Fingerprint;
  readonly #current = new Uint32Array(2);
  #slots = new Uint32Array(2 * SLOTS_MIN);
  #repeated = new Uint8Array(SLOTS_MIN / 8);
  #used = 0;
  #bytesPeak = this.bytes;

  constructor(fingerprint: Fingerprint) {
    this.#fingerprint = fingerprint;
  }

  get bytes(): number {
    return this.#slots.byteLength + this.#repeated.byteLength;
  }

  /** The most bytes held at any moment. */
  get bytesPeak(): number {
    return this.#bytesPeak;
  }

  /** @returns Whether its fingerprint was in the set already. */
  add(text: string): boolean {
    const slot = this.#find(text);
    if (this.#isUsed(slot)) {
      setBit(this.#repeated, slot);
      return true;
    }
    this.#put(slot, this.#current[0] ?? 0, this.#current[1] ?? 0);
    this.#used += 1;
    if (this.#used > LOAD_MAX * this.#slotCount()) this.#grow();
    return false;
  }

  has(text: string): boolean {
    return this.#isUsed(this.#find(text));
  }

  /** Whether the fingerprint of `text` was added more than once. */
  isRepeated(text: string): boolean {
    return isBitSet(this.#repeated, this.#find(text));
  }

  #find(text: string): number {
    this.#fingerprint(text, this.#current);
    // Two zero words mark an empty slot.
    if (this.#current[0] === 0 && this.#current[1] === 0) this.#current[1] = 1;
    return this.#probe(this.#current[0] ?? 0, this.#current[1] ?? 0);
  }

  /** The slot that holds this fingerprint, or the empty slot where it belongs. */
  #probe(low: number, high: number): number {
    const mask = this.#slotCount() - 1;
    let slot = low & mask;
    while (this.#isUsed(slot) && (this.#slots[2 * slot] !== low || this.#slots[2 * slot + 1] !== high)) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  /** Word by word: copying an array of two takes several times as long. */
  #put(slot: number, low: number, high: number): void {
    this.#slots[2 * slot] = low;
    this.#slots[2 * slot + 1] = high;
  }

  #grow(): void {
    const slots = this.#slots;
    const repeated = this.#repeated;
    const before = this.bytes;
    this.#slots = new Uint32Array(2 * slots.length);
    this.#repeated = new Uint8Array(2 * repeated.length);
    this.#bytesPeak = before + this.bytes;
    for (let slot = 0; slot < slots.length / 2; slot += 1) {
      const low = slots[2 * slot] ?? 0;
      const high = slots[2 * slot + 1] ?? 0;
      if (low === 0 && high === 0) continue;
      const moved = this.#probe(low, high);
      this.#put(moved, low, high);
      if (isBitSet(repeated, slot)) setBit(this.#repeated, moved);
    }
  }

  #slotCount(): number {
    return this.#slots.length / 2;
  }

  #isUsed(slot: number): boolean {
    return this.#slots[2 * slot] !== 0 || this.#slots[2 * slot + 1] !== 0;
  }
}

function isBitSet(bits: Uint8Array, index: number): boolean {
  return (((bits[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
}

function setBit(bits: Uint8Array, index: number): void {
  bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
}

/**
 * 64 bits of a text: two lanes of xor, rotate and multiply over its UTF-16 units, each finished with the mixer of MurmurHash3.
 * Not for secrets: anybody can construct two texts that collide.
 */
export function textFingerprint(text: string, into: Uint32Array): void {
  // `| 0`: a number that begins beyond 31 bits would be a float in the whole loop, which takes twice as long.
  let low = 0xdeadbeef | 0;
  let high = 0x41c6ce57;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    low = Math.imul(rotate(low ^ unit, 13), 0x9e3779b1);
    high = Math.imul(rotate(high ^ unit, 17), 0x5f356495);
  }
  into[0] = mix(low);
  into[1] = mix(high);
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/** The finalizer of MurmurHash3 (32 bits). */
function mix(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
