import { createHash } from 'node:crypto';
import { foldRegistrationId } from '../dps/registration-id.ts';
import { FingerprintTable, textFingerprint } from '../fleet/fingerprint-table.ts';
import { type ListedId, readRegistrationIds } from '../fleet/read-registration-ids.ts';
import { PROBLEMS_LISTED_MAX } from '../problem/operator-error.ts';

/** IDs of the list without a usable row; only the first `PROBLEMS_LISTED_MAX` are listed. */
export type MissingIds = { readonly count: number; readonly listed: readonly ListedId[] };

class MissingCount implements MissingIds {
  readonly listed: ListedId[] = [];
  count = 0;

  add(id: ListedId): void {
    if (this.listed.length < PROBLEMS_LISTED_MAX) this.listed.push(id);
    this.count += 1;
  }
}

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

  /**
   * Call after the whole fleet was met. Reads the file again if any ID is missing.
   *
   * @param rejectedIds Reads the folded IDs of the rows that the run leaves out as unusable.
   * @returns The IDs of such rows apart from those that the fleet does not have at all.
   */
  async missing(
    rejectedIds: () => AsyncIterable<string>,
  ): Promise<{ readonly absent: MissingIds; readonly rejected: MissingIds }> {
    const [absent, rejected] = [new MissingCount(), new MissingCount()];
    if (this.#met === this.#distinct) return { absent, rejected };
    const inRejectedRows = new FingerprintTable(textFingerprint);
    for await (const id of rejectedIds()) {
      if (this.#ids.has(id)) inRejectedRows.add(id);
    }
    for await (const ids of readRegistrationIds(this.file, () => {})) {
      for (const one of ids) {
        const id = foldRegistrationId(one.text);
        if (!this.#ids.isRepeated(id)) (inRejectedRows.has(id) ? rejected : absent).add(one);
      }
    }
    return { absent, rejected };
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
