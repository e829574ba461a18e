/** How a command that executes a run shows it. */
export type DisplayFlags = {
  /** Print summary.json on stdout, and nothing else there. */
  readonly json?: boolean;
  /** Show no progress on stderr. */
  readonly quiet?: boolean;
  /** `false` = no colors, whatever the terminal is. */
  readonly color: boolean;
};
