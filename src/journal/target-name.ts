/** The target of a run, as every file and summary names it. */
export type TargetName = {
  readonly kind: 'emulator' | 'service';
  readonly host: string;
  readonly port: number;
  readonly idScope: string;
};

/**
 * Returns the same key for two runs against the same target. The embedded emulator's host and port change with every run, so they
 * do not count; host names are not case-sensitive (RFC 4343).
 */
export function targetKey({ kind, host, idScope }: TargetName): string {
  return kind === 'emulator' ? `emulator/${idScope}` : `${host.toLowerCase()}/${idScope}`;
}

/** The target in every summary, verdict and file. Omits the emulator's host and port, which change with every run. */
export function targetLabel({ kind, host, idScope }: TargetName): string {
  return kind === 'emulator' ? `EMULATOR, ID scope ${idScope}` : `${host}, ID scope ${idScope}`;
}
