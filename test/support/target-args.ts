/** Of anything that emulates the service: the emulator of a test, or the program. */
type EmulatedTarget = { readonly port: number; readonly idScope: string; readonly caFile: string };

/** The options with which a command registers at `target`. */
export function targetArgs({ port, idScope, caFile }: EmulatedTarget, host = '127.0.0.1'): readonly string[] {
  return ['--host', host, '--port', String(port), '--id-scope', idScope, '--ca', caFile];
}
