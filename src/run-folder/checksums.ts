import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FileDigest, writeAtomically } from '../files/atomic-file.ts';
import { checksumsText, fileSha256, readChecksums } from '../files/checksum-list.ts';
import { quoteForShell } from '../files/quote-for-shell.ts';
import { OperatorError, type Problem, problemIn } from '../problem/operator-error.ts';
import { HUB_CHECKS_FILE, JOURNAL_FILE } from './run-folder.ts';
import { isLockFile } from './run-lock.ts';

/** The SHA-256 of every file beside it, in the format of coreutils: `sha256sum -c SHA256SUMS` checks them. */
export const CHECKSUMS_FILE = 'SHA256SUMS';

/**
 * Writes SHA256SUMS. The caller holds the lock.
 *
 * @param made the files to list in a folder that is not a run's, and may contain others
 * @param known digests of files that were just written or read; the others are read now
 */
export async function writeChecksums(
  folder: string,
  made: readonly string[],
  known: readonly FileDigest[] = [],
): Promise<void> {
  const names = existsSync(join(folder, JOURNAL_FILE)) ? filesIn(folder) : made;
  const knownSha256 = new Map(known.map(({ name, sha256 }) => [name, sha256]));
  const digests: FileDigest[] = [];
  for (const name of names) {
    digests.push({ name, sha256: knownSha256.get(name) ?? (await fileSha256(join(folder, name))) });
  }
  await writeAtomically(join(folder, CHECKSUMS_FILE), (file) => file.write(checksumsText(digests)));
}

/** SHA-256 of SHA256SUMS itself, which stands for the whole folder; `null` when there is none. */
export function checksumsSha256(folder: string): string | null {
  try {
    return createHash('sha256')
      .update(readFileSync(join(folder, CHECKSUMS_FILE)))
      .digest('hex');
  } catch {
    return null;
  }
}

/** A run's own files: not locks, nor what an interrupted write left. */
function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .filter((name) => name !== CHECKSUMS_FILE && !isLockFile(name) && !name.endsWith('.tmp'));
}

/**
 * Compares a folder with its SHA256SUMS.
 *
 * @param rebuilt files that dpsload report makes from a journal, so that nobody needs a copy of them
 * @returns the listed files
 * @throws OperatorError `usage` without a usable SHA256SUMS; `local`, with every file that differs, is missing or is new
 */
export async function checkChecksums(folder: string, rebuilt: readonly string[] = []): Promise<readonly FileDigest[]> {
  const listed = readList(folder);
  const problems: Problem[] = [];
  const isRun = listed.some(({ name }) => name === JOURNAL_FILE);
  for (const { name, sha256 } of listed) {
    const found = await fileSha256(join(folder, name)).catch((error: NodeJS.ErrnoException) => error);
    if (found === sha256) continue;
    const remedy =
      isRun && rebuilt.includes(name)
        ? `Rebuild it from the journal: dpsload report ${quoteForShell(folder)}`
        : 'Restore it from a copy';
    problems.push(problemIn(join(folder, name), describeFound(found), remedy));
  }
  if (isRun) {
    const known = new Set(listed.map(({ name }) => name));
    for (const name of filesIn(folder)) {
      if (known.has(name)) continue;
      const message = `is new: ${CHECKSUMS_FILE} does not list it`;
      problems.push(problemIn(join(folder, name), message, 'Move it out of the folder'));
    }
  }
  if (problems.length > 0) throw new OperatorError('local', problems);
  return listed;
}

function describeFound(found: string | NodeJS.ErrnoException): string {
  if (typeof found === 'string') return `differs: its SHA-256 is ${found}`;
  return found.code === 'ENOENT' ? 'is missing' : `cannot be read (${found.message})`;
}

function readList(folder: string): readonly FileDigest[] {
  const file = join(folder, CHECKSUMS_FILE);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const remedy = `Once the run has ended, make it with dpsload report ${folder}`;
    const what = code === 'ENOENT' ? 'does not exist' : `cannot be read (${message})`;
    throw new OperatorError('usage', [problemIn(file, what, remedy)]);
  }
  const listed = readChecksums(text);
  if (listed !== null) return listed;
  throw new OperatorError('usage', [
    problemIn(file, 'is damaged: not every line is a SHA-256 and a name', 'Restore it from a copy'),
  ]);
}

/**
 * Refuses a journal that is not the one of SHA256SUMS: a session withdraws SHA256SUMS before it writes, so somebody else changed
 * the journal. Results made from it would vouch for the change. Hub checks have a journal of their own.
 *
 * @throws OperatorError `local`
 */
export async function refuseChangedJournal(folder: string): Promise<void> {
  const before = checksumsSha256(folder);
  if (before === null) return;
  for (const { name, sha256 } of readList(folder)) {
    if (name !== JOURNAL_FILE && name !== HUB_CHECKS_FILE) continue;
    const found = await fileSha256(join(folder, name)).catch(() => sha256);
    // A session may have begun meanwhile.
    if (found === sha256 || checksumsSha256(folder) !== before) continue;
    const message = `was changed after the run: ${CHECKSUMS_FILE} lists SHA-256 ${sha256}, found ${found}`;
    const remedy = `Restore it from a copy; to accept it as it is, remove ${join(folder, CHECKSUMS_FILE)}`;
    throw new OperatorError('local', [problemIn(join(folder, name), message, remedy)]);
  }
}
