import type { TargetName } from './journal-record.ts';

/** The target as every summary, verdict and file names it. The emulator's host and port are new in every run, and say nothing. */
export function targetLabel({ kind, host, idScope }: TargetName): string {
  return kind === 'emulator' ? `EMULATOR, ID scope ${idScope}` : `${host}, ID scope ${idScope}`;
}
