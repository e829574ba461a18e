import type { TargetName } from './journal-record.ts';

/**
 * The same for two runs that aim at the same target. The embedded emulator's host and port are new in every run, and say nothing;
 * names of hosts are the same in upper and lower case (RFC 4343).
 */
export function targetKey({ kind, host, idScope }: TargetName): string {
  return kind === 'emulator' ? `emulator/${idScope}` : `${host.toLowerCase()}/${idScope}`;
}
