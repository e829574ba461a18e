/** What follows the options in the help of `resume`. */
export function resumeHelp(): string {
  return `
What is registered:
  A device that was released to a worker when the run died was perhaps
  registered. It is registered again, whatever the limit, and marked
  possibly_twice in the results. Of a canary, all that are not assigned go first
  again. --limit counts the rows of the whole run; --rate, --stages and
  --duration begin anew.

What is kept:
  Settings that are given here are written into run.json before anything is
  sent, and hold for the sessions to come, also when this one is killed.
  --retry-failed, --retry-disabled and --added-rows are for one session; the
  resume command that is printed when it is stopped repeats them.
  Variables DPSLOAD_… change nothing but the keys: what they said when the run
  began is kept in its run.json.
  Results of the sessions before are taken away when a session begins, and made
  anew when it ends; report shows what is known until then.

Exit codes:
  those of run; when nothing is left to do, that of the results, which are made
  anew

Examples:
  dpsload resume results/2026-01-31T18-00-00Z-fleet
  dpsload resume --last --rate 600/min --retry-failed
`;
}
