/**
 * 64 bits of a text: two lanes of xor, rotate and multiply over its UTF-16 units, each mixed at the end as MurmurHash3
 * mixes. Not for secrets: who wants to can make two texts collide.
 */
export function textFingerprint(text: string, into: Uint32Array): void {
  let low = 0xdeadbeef;
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
