import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { EnrollCleanup } from '../../cleanup/clean-enrollments.ts';
import { RunCleanup } from '../../cleanup/clean-run.ts';
import type { RemovalCounts, RemovalPlan } from '../../cleanup/removal-plan.ts';
import { serviceEndpoint } from '../../dps/service-connection.ts';
import { ENROLL_FILE } from '../../enroll-folder/enroll-file.ts';
import { readChecksums } from '../../files/checksum-list.ts';
import { readFirstSession } from '../../journal/journal-reader.ts';
import { OperatorError, problem } from '../../problem/operator-error.ts';
import { formatCount, formatNoun, withoutControls } from '../../report/format.ts';
import { readAuditFile } from '../../results/audit-file.ts';
import { writeResults } from '../../results/write-results.ts';
import { CHECKSUMS_FILE, refuseChangedJournal, writeChecksums } from '../../run-folder/checksums.ts';
import { CLEANUP_FILE, REMOVAL_STATES } from '../../run-folder/cleanup-file.ts';
import { fleetOfRun } from '../../run-folder/run-file.ts';
import { JOURNAL_FILE } from '../../run-folder/run-folder.ts';
import { lockRunFolder } from '../../run-folder/run-lock.ts';
import { EXIT_CODE } from '../host/exit-code.ts';
import type { Stop } from '../host/graceful-stop.ts';
import { refuseEmulatorRun } from '../host/refuse-emulator-run.ts';
import { SERVICE_ACCESS_SETTINGS, type ServiceAccess } from '../host/service-access.ts';
import { atService, serviceAccessOf } from '../host/service-session.ts';
import { confirm } from '../view/confirm-risks.ts';
import { say, stoppingLine } from '../view/say.ts';
import { checksumsLine } from '../view/show-results.ts';
import { CLEANUP_HELP } from './cleanup-help.ts';
import { givenFlags, settingOption } from './options.ts';

type CleanupFlags = { readonly dryRun?: true; readonly yes?: true };

export function cleanupCommand(): Command {
  const command = new Command('cleanup')
    .description(
      'Deletes from the service what a run or dpsload enroll created: the registration records of devices that the run ' +
        'was the first to register, or the enrollments. Leaves what existed before and what has been changed since. ' +
        'Shows what it would delete, and asks first. Device identities stay at their hubs; left-behind.txt lists the commands ' +
        'that remove them.',
    )
    .argument('<DIR>', 'folder of a run, or of dpsload enroll')
    .addHelpText('after', CLEANUP_HELP);
  const options = [
    new Option('--dry-run', 'only show what would be deleted (default: no)'),
    new Option('--yes', 'do not ask before deleting (default: ask)'),
  ];
  for (const option of options) command.addOption(option.helpGroup('Cleanup:'));
  for (const name of SERVICE_ACCESS_SETTINGS) command.addOption(settingOption(name));
  return command.action(async (folder: string, flags: CleanupFlags) => {
    const access = await serviceAccessOf(givenFlags(command), process.env);
    const isEnrollment = existsSync(join(folder, ENROLL_FILE));
    if (!isEnrollment) refuseEmulatorRun(folder, (await readFirstSession(join(folder, JOURNAL_FILE))).target.kind);
    const ended = await (isEnrollment ? cleanEnrollments : cleanRun)(folder, access, flags);
    if (ended.began) show(folder, ended.counts);
    if (ended.stop !== null) say(`Stopped. To continue: dpsload cleanup ${folder}`);
    process.exitCode = ended.exitCode;
  });
}

/** A clean-up that ended. */
export type EndedCleanup = {
  /** Whether anything was to be deleted, and agreed to. */
  readonly began: boolean;
  /** `null` = it did not begin, or was cut off. */
  readonly counts: RemovalCounts | null;
  readonly stop: Stop | null;
  readonly exitCode: number;
};

const onStopping = (by: Stop): void => say(stoppingLine(by, 'requests'));

const NOTHING_DONE: EndedCleanup = { began: false, counts: null, stop: null, exitCode: EXIT_CODE.success };

function ended(counts: RemovalCounts | null, stop: Stop | null): EndedCleanup {
  const by = stop ?? (counts === null ? 'interrupted' : null);
  if (by !== null) return { began: true, counts, stop: by, exitCode: EXIT_CODE[by] };
  const isClean = counts !== null && counts.kept + counts.failed === 0;
  return { began: true, counts, stop: null, exitCode: isClean ? EXIT_CODE.success : EXIT_CODE.someFailed };
}

/** Deletes the registration records that a run created. */
export async function cleanRun(folder: string, access: ServiceAccess, flags: CleanupFlags): Promise<EndedCleanup> {
  const audited = readAuditFile(folder)?.host ?? null;
  refuseOtherHost(audited, access);
  const unlock = lockRunFolder(folder);
  try {
    await refuseChangedJournal(folder);
    const cleanup = await RunCleanup.open(folder);
    let isDone = true;
    try {
      const reading = await atService(access, { permissions: 'RegistrationStatusRead', onStopping }, (session) =>
        cleanup.plan(session.client, session),
      );
      isDone = reading.result !== null && reading.stop === null;
      // A signal may have come when all was read: nothing is deleted then, --yes or not.
      if (reading.result === null || reading.stop !== null) return { ...ended(null, reading.stop), began: false };
      if (audited === null && !flags.dryRun && cleanup.foundNothing(reading.result)) return refuseNothingFound(access);
      const what = { noun: 'registration record', maker: 'this run', note: IDENTITIES_STAY };
      if (!(await isAgreed(reading.result, access, what, flags))) return NOTHING_DONE;
      await rm(join(folder, CHECKSUMS_FILE), { force: true });
      const { result, stop } = await atService(
        access,
        { permissions: 'RegistrationStatusWrite', onStopping },
        (session) => cleanup.remove(session.client, session),
      ).finally(() => writeResults(folder, { fleet: fleetOfRun(folder) }));
      isDone = stop === null;
      return ended(result, stop);
    } finally {
      await cleanup.close(isDone);
    }
  } finally {
    unlock();
  }
}

/** A clean-up of another instance would find the same, and no audit tells which one is right. */
function refuseNothingFound({ connection }: ServiceAccess): never {
  const { host } = serviceEndpoint(connection);
  const message = `${host} has none of the records that this run created`;
  const remedy =
    'Give the connection string of the instance at which the run registered; if it is this one, nothing is left';
  throw new OperatorError('usage', [problem(message, remedy)]);
}

const IDENTITIES_STAY = 'device identities stay at their hubs: left-behind.txt lists the commands that remove them';

/** Deletes the enrollments that dpsload enroll created. */
export async function cleanEnrollments(
  folder: string,
  access: ServiceAccess,
  flags: CleanupFlags,
): Promise<EndedCleanup> {
  const unlock = lockRunFolder(folder);
  try {
    const cleanup = await EnrollCleanup.open(folder);
    refuseOtherHost(cleanup.facts.hostName, access);
    const noun = cleanup.facts.groupId === null ? 'enrollment' : 'enrollment group';
    const what = { noun, maker: 'dpsload enroll', note: 'their keys and settings are lost' };
    if (!(await isAgreed(cleanup.plan(), access, what, flags))) return NOTHING_DONE;
    const files = listedFiles(folder);
    await rm(join(folder, CHECKSUMS_FILE), { force: true });
    const { result, stop } = await atService(
      access,
      { permissions: 'EnrollmentRead and EnrollmentWrite', onStopping },
      (session) => cleanup.remove(session.client, session),
    ).finally(() => writeChecksums(folder, files));
    return ended(result, stop);
  } finally {
    unlock();
  }
}

/** Those of SHA256SUMS, and cleanup.csv. */
function listedFiles(folder: string): readonly string[] {
  const file = join(folder, CHECKSUMS_FILE);
  const listed = existsSync(file) ? (readChecksums(readFileSync(file, 'utf8')) ?? []) : [];
  return [...new Set([...listed.map(({ name }) => name), CLEANUP_FILE])].filter(
    (name) => name === CLEANUP_FILE || existsSync(join(folder, name)),
  );
}

/** @param known the host that the folder names; `null` = none @throws OperatorError `usage` */
function refuseOtherHost(known: string | null, { connection }: ServiceAccess): void {
  const { host } = serviceEndpoint(connection);
  if (known === null || known === host) return;
  const message = `the connection string is for ${host} instead of ${known}`;
  throw new OperatorError('usage', [problem(message, 'Give that of the instance that the folder belongs to')]);
}

type What = { readonly noun: string; readonly maker: string; readonly note: string };

/** Shows what would be deleted, and asks. @returns `false` = nothing is to be deleted */
async function isAgreed(
  { counts, examples, keptExamples }: RemovalPlan,
  { connection }: ServiceAccess,
  { noun, maker, note }: What,
  { dryRun, yes }: CleanupFlags,
): Promise<boolean> {
  const { host } = serviceEndpoint(connection);
  const more = counts.delete > examples.length ? ', …' : '';
  const plan =
    counts.delete === 0
      ? `${host}: nothing to delete`
      : `${host}: ${dryRun ? 'would delete' : 'deletes'} ${formatNoun(counts.delete, noun)} that ${maker} created`;
  const reasons = [
    ...(examples.length === 0 ? [] : [`${examples.join(', ')}${more}`]),
    ...(counts.gone === 0 ? [] : [`${formatNoun(counts.gone, noun)} already gone`]),
    ...(counts.kept === 0 ? [] : [`kept: ${formatCount(counts.kept)}, such as ${keptExamples.join(', ')}`]),
    ...(counts.delete === 0 ? [] : [note]),
  ].map(withoutControls);
  const isAsked = !dryRun && !yes && counts.delete > 0;
  if (isAsked) await confirm(plan, reasons, 'Add --yes to confirm');
  else say([plan, ...reasons.map((reason) => `  - ${reason}`)].join('\n'));
  return !dryRun && counts.delete + counts.gone + counts.kept > 0;
}

/** @param counts `null` = it was cut off */
function show(folder: string, counts: RemovalCounts | null): void {
  if (counts !== null) {
    const lines = REMOVAL_STATES.filter((state) => counts[state] > 0).map(
      (state) => `${state.padEnd(8)} ${formatCount(counts[state])}\n`,
    );
    process.stdout.write(lines.join(''));
  }
  const isLeft = counts !== null && counts.kept + counts.failed > 0;
  say(`${isLeft ? 'cleanup, with reasons' : 'cleanup'}: ${join(folder, CLEANUP_FILE)}`);
  process.stderr.write(checksumsLine(folder));
}
