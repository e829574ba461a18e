/** Text that POSIX shells and PowerShell take as it is. */
const PLAIN = /^[A-Za-z0-9_.:/@%+=-]+$/;

/** `text` as one word of a command for a POSIX shell, quoted only if necessary. */
export function quoteForShell(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
