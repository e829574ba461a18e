import { createHash } from 'node:crypto';
import { foldRegistrationId } from '../dps/registration-id.ts';
import { FingerprintTable, textFingerprint } from '../fleet/fingerprint-table.ts';
import { type ListedId, readRegistrationIds } from '../fleet/read-registration-ids.ts';
import { PROBLEMS_LISTED_MAX } from '../problem/operator-error.ts';

/** IDs of the list that the fleet does not have; only the first `PROBLEMS_LISTED_MAX` are listed. */
export type MissingIds = { readonly count: number; readonly listed: readonly ListedId[] };

/** The registration IDs of an `--only` file, as fingerprints, and which of them the fleet has. */
export class OnlyList {
  readonly file: string;
  readonly #ids = new FingerprintTable(textFingerprint);
  #digest = '';
  #distinct = 0;
  #met = 0;

  private constructor(file: string) {
    this.file = file;
  }

  /** @throws OperatorError `usage` when the file cannot be used */
  static async read(file: string): Promise<OnlyList> {
    const list = new OnlyList(file);
    const digest = createHash('sha256');
    for await (const ids of readRegistrationIds(file, (bytes) => digest.update(bytes))) list.#add(ids);
    list.#digest = digest.digest('hex');
    return list;
  }

  /** SHA-256 of the file, hexadecimal. */
  get digest(): string {
    return this.#digest;
  }

  /** @param id folded */
  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Records that the fleet has this ID. @param id folded; call once for each ID */
  meet(id: string): void {
    if (!this.#ids.has(id)) return;
    // The table marks texts that are added twice; IDs that the list repeats were added once.
    this.#ids.add(id);
    this.#met += 1;
  }

  /** Call after the whole fleet was met. Reads the file again if any ID is missing. */
  async missing(): Promise<MissingIds> {
    const listed: ListedId[] = [];
    let count = 0;
    if (this.#met === this.#distinct) return { count, listed };
    for await (const ids of readRegistrationIds(this.file, () => {})) {
      const missing = ids.filter(({ text }) => !this.#ids.isRepeated(foldRegistrationId(text)));
      listed.push(...missing.slice(0, PROBLEMS_LISTED_MAX - listed.length));
      count += missing.length;
    }
    return { count, listed };
  }

  /** Invalid registration IDs are included; the fleet cannot have them. */
  #add(ids: readonly ListedId[]): void {
    for (const { text } of ids) {
      const id = foldRegistrationId(text);
      if (this.#ids.has(id)) continue;
      this.#ids.add(id);
      this.#distinct += 1;
    }
  }
}
