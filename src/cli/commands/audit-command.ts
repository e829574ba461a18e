import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { type AuditEnd, auditRun } from '../../audit/audit-run.ts';
import { readFirstSession } from '../../journal/journal-reader.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import { type AuditSummary, auditDifferences } from '../../report/audit-schema.ts';
import { auditLines, auditVerdict } from '../../report/audit-text.ts';
import { formatCount } from '../../report/format.ts';
import { writeResults } from '../../results/write-results.ts';
import { AUDIT_CSV, AUDIT_RECORDS } from '../../run-folder/audit-files.ts';
import { refuseChangedJournal } from '../../run-folder/checksums.ts';
import { fleetOfRun } from '../../run-folder/run-file.ts';
import { JOURNAL_FILE } from '../../run-folder/run-folder.ts';
import { lockRunFolder } from '../../run-folder/run-lock.ts';
import type { Flags } from '../../scenario/read/gather-settings.ts';
import { EXIT_CODE } from '../host/exit-code.ts';
import type { Stop } from '../host/graceful-stop.ts';
import { refuseEmulatorRun } from '../host/refuse-emulator-run.ts';
import { SERVICE_ACCESS_SETTINGS, type ServiceAccess } from '../host/service-access.ts';
import { atService, serviceAccessOf } from '../host/service-session.ts';
import { say, stoppingLine } from '../view/say.ts';
import { checksumsLine } from '../view/show-results.ts';
import { fitted, warningLines } from '../view/terminal-line.ts';
import { appendValue, givenFlags, jsonOption, quietOption, settingOption } from './options.ts';
import { connectionHelp } from './service-help.ts';

type AuditFlags = {
  readonly group?: readonly string[];
  readonly allowExtra?: true;
  readonly again?: true;
  readonly json?: true;
  readonly quiet?: true;
};

const PERMISSIONS = 'RegistrationStatusRead';

export function auditCommand(): Command {
  const command = new Command('audit')
    .description(
      "Reads the service's registration records of the devices of a run, within the service's quota, and compares hub, " +
        'device ID, status and times with what the run recorded, row by row. Also tells what became of devices whose ' +
        'registration ended without an answer. Changes neither the service nor the outcomes of the run.',
    )
    .argument('<RUN_DIR>', 'folder of the run')
    .addHelpText('after', AUDIT_HELP);
  for (const option of auditOptions()) command.addOption(option.helpGroup('Audit:'));
  for (const name of SERVICE_ACCESS_SETTINGS) command.addOption(settingOption(name));
  return command.action(async (folder: string, flags: AuditFlags) => {
    process.exitCode = await audit(folder, givenFlags(command), flags);
  });
}

function auditOptions(): readonly Option[] {
  return [
    new Option(
      '--group <id>',
      'enrollment group whose records to read as a whole; repeatable (default: the groups that the fleet names)',
    ).argParser(appendValue),
    new Option(
      '--allow-extra',
      'do not count a record in these groups as a difference if its device is not in the fleet (default: no)',
    ),
    new Option('--again', 'start over instead of continuing an audit that was stopped (default: continue)'),
    jsonOption('audit.json'),
    quietOption(),
  ];
}

async function audit(folder: string, given: Flags, flags: AuditFlags): Promise<number> {
  const access = await serviceAccessOf(given, process.env);
  const session = await readFirstSession(join(folder, JOURNAL_FILE));
  refuseEmulatorRun(folder, session.target.kind);
  const { summary, exitCode } = await auditFolder(folder, access, flags);
  if (summary !== null) show(folder, summary, flags);
  return exitCode;
}

/** An audit that ended; `summary` is `null` when it was stopped. */
export type EndedAudit = { readonly summary: AuditSummary | null; readonly exitCode: number };

/** Compares a run with the records of the service, and makes its results anew. */
export async function auditFolder(
  folder: string,
  access: ServiceAccess,
  flags: Omit<AuditFlags, 'json'>,
): Promise<EndedAudit> {
  const { target } = await readFirstSession(join(folder, JOURNAL_FILE));
  const onStopping = (by: Stop): void => (flags.quiet ? undefined : say(stoppingLine(by, 'requests')));
  const unlock = lockRunFolder(folder);
  try {
    await refuseChangedJournal(folder);
    if (flags.again) await rm(join(folder, AUDIT_RECORDS), { force: true });
    const { result, stop } = await atService(
      access,
      { permissions: PERMISSIONS, onStopping },
      ({ client, ...service }) =>
        auditRun({
          ...service,
          folder,
          source: client,
          groups: flags.group ?? null,
          allowExtra: flags.allowExtra === true,
          onProgress: (read, devices) => {
            if (!flags.quiet) say(`${formatCount(read)} records read, for ${formatCount(devices)} devices`);
          },
        }),
    );
    if (result?.summary == null) {
      say(`Stopped${describeRead(result)}. To continue: dpsload audit ${folder}`);
      return { summary: null, exitCode: EXIT_CODE[stop ?? 'interrupted'] };
    }
    await writeResults(folder, { fleet: fleetOfRun(folder) });
    const { summary } = result;
    const warnings = warningsOf({ ...result, summary }, target.idScope);
    process.stderr.write(warningLines(warnings, process.stderr));
    return { summary, exitCode: auditDifferences(summary) === 0 ? EXIT_CODE.success : EXIT_CODE.someFailed };
  } finally {
    unlock();
  }
}

function describeRead(end: Pick<AuditEnd, 'read' | 'devices'> | null): string {
  return end === null ? '' : `: ${formatCount(end.read)} records read, for ${formatCount(end.devices)} devices`;
}

type Found = Pick<AuditEnd, 'found' | 'devices' | 'emptyGroups'> & { readonly summary: AuditSummary };

function warningsOf({ found, devices, emptyGroups, summary }: Found, idScope: string): readonly string[] {
  const { host, rows } = summary;
  const empty = emptyGroups.map(
    (group) => `no record was found in group ${quoteValue(group)}: is it an enrollment group?`,
  );
  if (found + rows.removed > 0 || devices === 0) return empty;
  return [...empty, `no record of any device was found: is ${host} the instance with ID scope ${idScope}?`];
}

function show(folder: string, summary: AuditSummary, { json }: AuditFlags): void {
  const text = [auditVerdict(summary), ...auditLines(summary).map((line) => `  ${line}`), ''].join('\n');
  process.stdout.write(json ? `${JSON.stringify(summary, null, 2)}\n` : fitted(text, process.stdout));
  say(`audit: ${join(folder, AUDIT_CSV)}`);
  process.stderr.write(checksumsLine(folder));
}

const AUDIT_HELP = `
Each row of audit.csv has a verdict:
  agrees      the record says what the run says
  differs     another hub, device-id or status; or registered-before: the last
              registration is older than this run, so another one made it
  missing     the run saw the device assigned, but the service has no record
  removed     the same, but because dpsload cleanup deleted the record
  extra       a record in the group whose device is not in the fleet
  resolved    the run does not know how the registration ended (unknown,
              timed-out, disconnected, ...), but the record tells
  unresolved  neither the run nor the record tells
  not-sent    the run sent nothing for this row
  A device that registered again after the run is marked in the column
  registered_again; that alone is not a difference. For devices that were
  possibly registered twice, the column told says once, twice or cannot-tell.

How it reads:
  Whole enrollment groups, a thousand records per request, as long as that takes
  fewer requests than asking for each device; all other devices one by one.
  Extra records are found only in groups. What was read is kept in the folder of
  the run, so that a stopped audit can continue.
  The registrations of the run show how far the service's clock is off.

${connectionHelp(`  Its policy needs RegistrationStatusRead. It must be for the DPS instance
  of the run; dpsload cannot check this, because the service API does not know
  ID scopes.`)}

Exit codes:
  If several apply, the first one in this list wins.
  1    internal error, full disk or locked folder
  2    invalid command line, or not the folder of a run
  130  stopped by SIGINT (Ctrl-C); the same command continues
  143  stopped by SIGTERM; the same command continues
  4    the service cannot be reached, or refuses the connection string
  3    a row differs or has no record, or there are extra records
  0    everything agrees

Examples:
  dpsload audit results/2026-01-31T18-00-00Z-fleet
  dpsload audit RUN_DIR --group line-a --allow-extra
`;
