import type { StateKind, StateLine } from '../service/state-kind.ts';
import { readState } from './read-state.ts';
import { diskOf, lockState, realFile } from './state-disk.ts';
import { StateLog } from './state-log.ts';

export type StateOptions = {
  readonly file: string;
  readonly idScopes: readonly string[];
  readonly kinds: readonly StateKind[];
  /** To which all that is of these kinds adds what changes. */
  readonly changes: StateLine[];
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  readonly log: (line: string) => void;
};

export type KeptState = Pick<StateLog, 'whenKept' | 'clear' | 'close'>;

/**
 * Enters what the state file holds, and keeps in it what changes from now on.
 *
 * @throws OperatorError when another emulator uses the file, or it cannot be read or written.
 */
export async function keepState({ file: named, kinds, nowMs, log, ...options }: StateOptions): Promise<KeptState> {
  const file = realFile(named);
  const unlock = lockState(file);
  try {
    const { entered, foreign, torn } = await readState(file, kinds, new Set(options.idScopes));
    if (entered > 0) log(`${named}: read what it holds (lines: ${entered})`);
    if (torn) log(`${named}: dropped the last line, which was torn; what it says had not been answered`);
    for (const [idScope, lines] of foreign) {
      log(`${named}: keeps what it holds about ID scope ${idScope}, which is not configured (lines: ${lines.length})`);
    }
    for (const kind of kinds) kind.complete(nowMs);
    const state = await StateLog.open({ ...options, file: named, kinds, foreign, log }, diskOf(file));
    return {
      whenKept: state.whenKept,
      clear: () => state.clear(),
      close: () => state.close().finally(unlock),
    };
  } catch (error) {
    unlock();
    throw error;
  }
}
