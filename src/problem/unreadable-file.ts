import { OperatorError } from './operator-error.ts';

const REASONS: Readonly<Record<string, readonly [message: string, remedy: string]>> = {
  ENOENT: ['there is no such file', 'Check the path'],
  ENOTDIR: ['there is no such file', 'Check the path'],
  EISDIR: ['is a folder', 'Name the file in it'],
};

/**
 * What to throw for an error that reading `file` ended with: an `OperatorError` when the file system refused it, else the
 * error itself.
 */
export function unreadableFile(file: string, error: unknown): unknown {
  if ((error as NodeJS.ErrnoException).code === undefined) return error;
  return new OperatorError('usage', [{ file, line: null, column: null, ...unreadableReason(error) }]);
}

/** What to say of a file that reading ended with `error`. */
export function unreadableReason(error: unknown): { readonly message: string; readonly remedy: string } {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  const [message, remedy] = REASONS[code] ?? [`cannot be read (${code})`, 'Check the path and its permissions'];
  return { message, remedy };
}
