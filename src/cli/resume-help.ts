/** What follows the options in the help of `resume`. */
export function resumeHelp(): string {
  return `
What is registered:
  A device that was released to a worker when the run died was perhaps
  registered. It is registered again, and marked possibly_twice in the results.
  Of a canary, all that are not assigned go first again. --limit counts the rows
  of the whole run; --rate, --stages and --duration begin anew.
  Variables DPSLOAD_… change nothing but the keys: what they said when the run
  began is kept in its run.json.

Exit codes:
  those of run; 0 also when nothing is left to do

Examples:
  dpsload resume results/2026-01-31T18-00-00Z-fleet
  dpsload resume --last --rate 600/min --retry-failed
`;
}
