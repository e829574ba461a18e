import { fitted } from './terminal-line.ts';

/** Writes a line to stderr, for the person who waits. */
export function say(line: string): void {
  process.stderr.write(fitted(`${line}\n`, process.stderr));
}

/** What the first signal is answered with. @param waitedFor what is in progress */
export function stoppingLine(reason: string, waitedFor: string): string {
  return `Stopping (${reason}). Waiting for ${waitedFor} in progress. Press Ctrl-C again to stop immediately.`;
}
