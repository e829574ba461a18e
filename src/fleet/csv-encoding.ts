import { isUtf8 } from 'node:buffer';

/** Remedy for a text in another encoding. */
export const SAVE_AS_UTF8 = 'Save the file as CSV in UTF-8 (in Excel: "CSV UTF-8")';

const UTF8_MARK = [0xef, 0xbb, 0xbf];

/** Length of the byte order mark with which a UTF-8 file may begin. */
export function utf8MarkLength(head: Uint8Array): number {
  return UTF8_MARK.every((byte, index) => head[index] === byte) ? UTF8_MARK.length : 0;
}

/** Bytes from the beginning of a file that show whether it is UTF-16. */
const UTF16_SAMPLE_BYTES = 64;

/** Finds a byte order mark of either order, or the zero bytes that UTF-16 has at every ASCII character. */
export function isUtf16(head: Uint8Array): boolean {
  const [first, second] = head;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return true;
  const sample = head.subarray(0, UTF16_SAMPLE_BYTES);
  return sample.length >= 4 && sample.filter((byte) => byte === 0).length > sample.length / 4;
}

/** 0x80 to 0x9F of Windows-1252; from 0xA0 on it is ISO 8859-1. A space stands for bytes that mean nothing. */
const WINDOWS_1252_HIGH = '€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ';

/** Decodes Windows-1252; `null` when a byte means nothing there. */
function decodeWindows1252(bytes: Uint8Array): string | null {
  let text = '';
  for (const byte of bytes) {
    const character = byte < 0x80 || byte > 0x9f ? String.fromCharCode(byte) : WINDOWS_1252_HIGH[byte - 0x80];
    if (character === undefined || (character === ' ' && byte >= 0x80)) return null;
    text += character;
  }
  return text;
}

/** A loop, which takes two thirds of the time of an expression for a short text. */
function isBeyondAscii(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) >= 0x80) return true;
  }
  return false;
}

/** Texts that are remembered, and their length: at most 1 MB. Values such as places and groups are the same in many rows. */
const REMEMBERED_TEXTS_MAX = 1_000;
const REMEMBERED_CHARACTERS_MAX = 200;

/** Decodes the fields of records. Remembers texts, since decoding one takes as long as parsing a short row. */
export class FieldDecoder {
  readonly #remembered = new Map<string, string>();

  /**
   * Decodes the fields of a record in place.
   *
   * @param fields One character for each byte. Afterwards text, with U+FFFD for bytes that are not UTF-8.
   * @returns The places of fields that are not UTF-8, with the text that they are in Windows-1252; `null` if no field has U+FFFD.
   */
  decode(fields: string[]): ReadonlyMap<number, string> | null {
    let others: Map<number, string> | null = null;
    // Indexes, since this is done for every field of a file with more than ASCII.
    for (let place = 0; place < fields.length; place += 1) {
      const field = fields[place] ?? '';
      if (!isBeyondAscii(field)) continue;
      const known = this.#remembered.get(field);
      if (known !== undefined) {
        fields[place] = known;
        continue;
      }
      const bytes = Buffer.from(field, 'latin1');
      const utf8 = bytes.toString();
      fields[place] = utf8;
      if (!utf8.includes('\uFFFD')) {
        this.#remember(field, utf8);
        continue;
      }
      others ??= new Map();
      const text = isUtf8(bytes) ? null : decodeWindows1252(bytes);
      if (text !== null) others.set(place, text);
    }
    return others;
  }

  #remember(field: string, text: string): void {
    if (field.length > REMEMBERED_CHARACTERS_MAX) return;
    if (this.#remembered.size === REMEMBERED_TEXTS_MAX) this.#remembered.clear();
    this.#remembered.set(field, text);
  }
}
