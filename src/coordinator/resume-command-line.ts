/**
 * What the operator types to go on with a run.
 *
 * @param switches that the session to come needs
 */
export function resumeCommand(folder: string, switches: readonly string[] = []): string {
  const name = /^[\w@%+=:,./-]+$/.test(folder) ? folder : `'${folder.replaceAll("'", "'\\''")}'`;
  return ['dpsload resume', name, ...switches].join(' ');
}
