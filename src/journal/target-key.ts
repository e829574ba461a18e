import type { TargetName } from './journal-record.ts';

/** The same for two runs that aim at the same target. The embedded emulator's host and port are new in every run, and say nothing. */
export function targetKey({ kind, host, idScope }: TargetName): string {
  return kind === 'emulator' ? `emulator/${idScope}` : `${host}/${idScope}`;
}
