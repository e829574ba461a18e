/** A registration ID has at most 128 characters. */
const KEPT_CHARACTERS_MAX = 150;

/**
 * Text of a device to keep or to log, cut if it is long: a device that nobody knows may send 64 KB. The copy lets go of what
 * the text was cut from: V8 keeps a whole packet in memory for the sake of one slice of it.
 */
export function keptText(text: string): string {
  const kept = text.length > KEPT_CHARACTERS_MAX ? `${text.slice(0, KEPT_CHARACTERS_MAX)}…` : text;
  return Buffer.from(kept).toString();
}
