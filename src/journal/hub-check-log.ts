import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LineAppender } from '../files/line-appender.ts';
import { syncFolder } from '../files/sync-folder.ts';
import { messageOf, OperatorError, problemIn } from '../problem/operator-error.ts';
import { encodeHubRecord, type HubJournalRecord } from './hub-check-record.ts';

/** Appends the records of hub checks. Each is on disk soon after: what a device has proved it need not prove again. */
export class HubCheckLog {
  /** Rejects when the disk fails. */
  readonly failed: Promise<never>;
  readonly #lines: LineAppender;
  #fail: (error: unknown) => void = () => {};

  private constructor(file: string, handle: FileHandle) {
    this.#lines = new LineAppender(handle, (error) => unusable(file, 'written', error));
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // It is raced against, once there is something to race.
    this.failed.catch(() => {});
  }

  /**
   * Opens the file, or creates one that only its owner can read.
   *
   * @param bytes length of the whole lines that it has; anything after them is cut off
   * @throws OperatorError `local`
   */
  static async open(file: string, bytes: number): Promise<HubCheckLog> {
    try {
      const handle = await open(file, 'a', 0o600);
      await handle.truncate(bytes);
      await syncFolder(dirname(file));
      return new HubCheckLog(file, handle);
    } catch (error) {
      throw unusable(file, 'opened', error);
    }
  }

  /** @throws OperatorError when an earlier write failed */
  append(record: HubJournalRecord): void {
    this.#lines.append(encodeHubRecord(record));
    this.#lines.sync().catch(this.#fail);
  }

  close(): Promise<void> {
    return this.#lines.close();
  }
}

function unusable(file: string, what: 'opened' | 'written', error: unknown): OperatorError {
  const remedy = 'Free disk space or repair the disk, then continue with dpsload hub-check; the registrations are safe';
  return new OperatorError('local', [problemIn(file, `cannot be ${what} (${messageOf(error)})`, remedy)]);
}
