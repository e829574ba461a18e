import { basename, dirname, join } from 'node:path';
import type { FileDigest } from '../files/atomic-file.ts';
import { fileSha256 } from '../files/checksum-list.ts';
import { LinesByOffset } from '../files/lines-by-offset.ts';
import { type HubCheckSurvey, hubCheckAt, surveyHubChecks } from '../journal/hub-check-journal.ts';
import type { HubCheckRecord } from '../journal/hub-check-record.ts';
import type { DeviceStanding } from '../metrics/fleet-account.ts';
import { HubCheckFold } from '../metrics/hub-check-fold.ts';
import { HUB_CHECKS_FILE } from '../run-folder/run-folder.ts';

type Part = { readonly survey: HubCheckSurvey; readonly reader: LinesByOffset };

/** The hub checks of one run, or of several that are read as one: the last check of a device counts. */
export class HubChecks {
  readonly fold: HubCheckFold;
  /** In the order in which the runs began. */
  readonly #parts: readonly Part[];

  private constructor(parts: readonly Part[], last: HubCheckSurvey) {
    this.#parts = parts;
    this.fold = new HubCheckFold(last.session, last.end);
  }

  /** `null` = no run checked any. @throws OperatorError when a file is damaged */
  static async open(folders: readonly string[]): Promise<HubChecks | null> {
    const found: HubCheckSurvey[] = [];
    for (const folder of folders) {
      const survey = await surveyHubChecks(join(folder, HUB_CHECKS_FILE));
      if (survey !== null) found.push(survey);
    }
    const last = found.at(-1);
    if (last === undefined) return null;
    const alike = found.filter(({ session }) => session.check === last.session.check);
    const parts = await Promise.all(
      alike.map(async (survey) => ({ survey, reader: await LinesByOffset.open(survey.file) })),
    );
    return new HubChecks(parts, last);
  }

  /** Folds the check of a device, if it was checked at the hub that it has now. Call in the order of the fleet. */
  async add({ state, outcome: { assignedHub, row } }: DeviceStanding): Promise<HubCheckRecord | null> {
    if (state !== 'assigned') return null;
    const part = this.#parts.findLast(({ survey }) => survey.checks.get(row)?.hub === assignedHub);
    const placed = part?.survey.checks.get(row);
    if (part === undefined || placed === undefined) return null;
    const record = await hubCheckAt(part.reader, placed.offset);
    this.fold.add(record);
    return record;
  }

  /** The files as they are now, which nobody writes to. */
  async digests(isMerge: boolean): Promise<readonly FileDigest[]> {
    const digests: FileDigest[] = [];
    for (const { survey } of this.#parts) {
      const name = isMerge ? `${basename(dirname(survey.file))}/${HUB_CHECKS_FILE}` : HUB_CHECKS_FILE;
      digests.push({ name, sha256: await fileSha256(survey.file) });
    }
    return digests;
  }

  async close(): Promise<void> {
    for (const { reader } of this.#parts) await reader.close();
  }
}
