/** What the operator types to go on with a run. */
export function resumeCommand(folder: string): string {
  return `dpsload resume ${/^[\w@%+=:,./-]+$/.test(folder) ? folder : `'${folder.replaceAll("'", "'\\''")}'`}`;
}
