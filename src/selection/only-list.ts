import { createHash } from 'node:crypto';
import { foldRegistrationId } from '../dps/registration-id.ts';
import { FingerprintTable, textFingerprint } from '../fleet/fingerprint-table.ts';
import { type ListedId, readRegistrationIds } from '../fleet/read-registration-ids.ts';
import { PROBLEMS_LISTED_MAX } from '../problem/operator-error.ts';

/** Lines of the list; the first `PROBLEMS_LISTED_MAX` of them. */
export type UnmetIds = { readonly count: number; readonly listed: readonly ListedId[] };

/** The registration IDs of a file that `--only` names, as fingerprints, and which of them the fleet has. */
export class OnlyList {
  readonly file: string;
  readonly #ids = new FingerprintTable(textFingerprint);
  #digest = '';
  #distinct = 0;
  #met = 0;

  private constructor(file: string) {
    this.file = file;
  }

  /** @throws OperatorError `usage` when the file cannot be used. */
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

  /** Notes that the fleet has it. @param id folded; each one once */
  meet(id: string): void {
    if (!this.#ids.has(id)) return;
    // The table's mark of a text that came again serves: what the list repeats was added once.
    this.#ids.add(id);
    this.#met += 1;
  }

  /** What it names and the fleet does not have, once the whole fleet was met. Reads the file again where there is any. */
  async unmet(): Promise<UnmetIds> {
    const listed: ListedId[] = [];
    let count = 0;
    if (this.#met === this.#distinct) return { count, listed };
    for await (const ids of readRegistrationIds(this.file, () => {})) {
      const unmet = ids.filter(({ text }) => !this.#ids.isRepeated(foldRegistrationId(text)));
      listed.push(...unmet.slice(0, PROBLEMS_LISTED_MAX - listed.length));
      count += unmet.length;
    }
    return { count, listed };
  }

  /** What is no legal registration ID is among them, and stays unmet. */
  #add(ids: readonly ListedId[]): void {
    for (const { text } of ids) {
      const id = foldRegistrationId(text);
      if (this.#ids.has(id)) continue;
      this.#ids.add(id);
      this.#distinct += 1;
    }
  }
}
