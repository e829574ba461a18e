import { connectionHelp } from './service-help.ts';

export const CLEANUP_HELP = `
What is deleted:
  For a run, the registration record of each device that the service assigned
  for the first time in this run, if the record is still the one that the run
  made and nobody has registered the device since. For dpsload enroll, each
  enrollment (or the group) that it created, if nobody has changed it since.
  Only the version that was read is deleted (by its ETag), so whatever changes
  at the last moment is kept.
  A record whose registration ended without an answer stays: dpsload audit tells
  what became of it, and left-behind.txt has the command that deletes it.

cleanup.csv in the folder gets a line for each, as soon as it is done:
  deleted   by this command
  gone      somebody else had deleted it
  kept      changed since, or not the one that was created
  failed    with the service's message; the same command tries again

${connectionHelp(`  Its policy needs RegistrationStatusRead and RegistrationStatusWrite for the
  folder of a run, and EnrollmentRead and EnrollmentWrite for a folder of
  dpsload enroll.`)}

Exit codes:
  If several apply, the first one in this list wins.
  1    internal error, full disk or locked folder
  2    invalid command line, not a folder of dpsload, not confirmed, or the
       service has none of the run's records
  130  stopped by SIGINT (Ctrl-C); the same command continues
  143  stopped by SIGTERM; the same command continues
  4    the service cannot be reached, or refuses the connection string
  3    something was kept, or failed
  0    everything that was created is deleted; with --dry-run, always

Examples:
  dpsload cleanup results/2026-01-31T18-00-00Z-fleet --dry-run
  dpsload cleanup results/2026-01-31T17-00-00Z-enroll-fleet --yes
`;
