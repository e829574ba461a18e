/** What a run was aimed at, as every file and summary names it. */
export type TargetName =
  | { readonly kind: 'emulator'; readonly host: string; readonly port: number; readonly idScope: string }
  | { readonly kind: 'service'; readonly host: string; readonly port: number; readonly idScope: string };

/**
 * The same for two runs that aim at the same target. The embedded emulator's host and port are new in every run, and say nothing;
 * names of hosts are the same in upper and lower case (RFC 4343).
 */
export function targetKey({ kind, host, idScope }: TargetName): string {
  return kind === 'emulator' ? `emulator/${idScope}` : `${host.toLowerCase()}/${idScope}`;
}

/** The target as every summary, verdict and file names it. The emulator's host and port are new in every run, and say nothing. */
export function targetLabel({ kind, host, idScope }: TargetName): string {
  return kind === 'emulator' ? `EMULATOR, ID scope ${idScope}` : `${host}, ID scope ${idScope}`;
}
