import { join } from 'node:path';
import type { RegistrationStateBody } from '../dps/payloads.ts';
import { writeAtomically } from '../files/atomic-file.ts';
import { type CsvProgram, csvHeader, csvLine } from '../files/csv-line.ts';
import type { AuditSummary } from '../report/audit-schema.ts';
import { type RunOutcomes, readRunOutcomes } from '../results/run-outcomes.ts';
import { AUDIT_CSV, AUDIT_FILE, AUDIT_RECORDS } from '../run-folder/audit-files.ts';
import { RemovedIds } from '../run-folder/cleanup-file.ts';
import { type Clock, repeat } from '../time/clock.ts';
import { AUDIT_CSV_NAMES, auditCsvCells, extraCsvCells } from './audit-csv.ts';
import { AuditFold } from './audit-fold.ts';
import { type AuditedDevice, devicesOf, endedAtMs, wasSent } from './audited-device.ts';
import { type ClockBounds, ClockBoundsFold } from './clock-bounds.ts';
import { compareRecord, REMOVED, type RowAudit, type RunTimes } from './compare-record.ts';
import { countInGroup, type RecordSource, readRecords } from './read-records.ts';
import { RecordLog } from './record-log.ts';

export type AuditOptions = {
  readonly folder: string;
  readonly source: RecordSource;
  readonly hostName: string;
  readonly clock: Clock;
  /** Enrollment groups of the run; `null` = those that the fleet names. */
  readonly groups: readonly string[] | null;
  readonly allowExtra: boolean;
  readonly isStopped: () => boolean;
  /** Called from time to time with the records that were read, and the devices of the run. */
  readonly onProgress: (read: number, devices: number) => void;
};

export type AuditEnd = {
  /** `null` = it was stopped; what was read is kept. */
  readonly summary: AuditSummary | null;
  /** Rows of which the service has a record. */
  readonly found: number;
  /** Groups that the operator names, and in which the service has no record. */
  readonly emptyGroups: readonly string[];
  /** Records read, and devices of the run. */
  readonly read: number;
  readonly devices: number;
};

const PROGRESS_MS = 10_000;

/**
 * Compares the registration records of the service with the run in a folder that the caller holds. Writes audit.csv and audit.json, and never
 * changes an outcome. Reads the outcomes three times, so that memory holds some numbers for each row.
 *
 * @throws ServiceError, and OperatorError without a usable journal
 */
export async function auditRun(options: AuditOptions): Promise<AuditEnd> {
  const { folder, source, clock, isStopped, onProgress } = options;
  const run = await readRunOutcomes(folder);
  const plan = await planReading(run, options.groups);
  const log = await RecordLog.open(folder, AUDIT_RECORDS, options);
  const timer = repeat(clock, PROGRESS_MS, () => onProgress(log.size, plan.devices));
  const end = { found: 0, emptyGroups: [], read: log.size, devices: plan.devices };
  try {
    const devices = () => sentDevices(run);
    const isComplete = await readRecords({ source, log, groups: plan.groups, devices, isStopped });
    if (!isComplete) return { ...end, summary: null, read: log.size };
    const times = timesOf(run, plan.clock, log.header.beganAtEpochMs);
    const fold = await writeAuditCsv(folder, run, log, times);
    const extra = knowsExtras(log, run) ? fold.extra : null;
    const summary = summarize(fold, log, options, { extra, clock: plan.clock });
    await writeAtomically(join(folder, AUDIT_FILE), (file) => file.write(`${JSON.stringify(summary, null, 2)}\n`));
    await log.discard();
    const emptyGroups = emptyOf(options.groups ?? [], log);
    return { summary, found: fold.found, emptyGroups, read: log.size, devices: plan.devices };
  } finally {
    timer.cancel();
    await log.close();
  }
}

type ReadingPlan = {
  /** Enrollment groups with the devices of the run in each. */
  readonly groups: ReadonlyMap<string, number>;
  /** Devices of which something was sent. */
  readonly devices: number;
  readonly clock: ClockBounds;
};

/** @param named groups that the operator names; `null` = none */
async function planReading(run: RunOutcomes, named: readonly string[] | null): Promise<ReadingPlan> {
  const clock = new ClockBoundsFold();
  const groups = new Map<string, number>();
  let devices = 0;
  for await (const device of devicesOf(run.outcomes())) {
    for (const { outcome, clockEpochMs } of device.outcomes) clock.add(outcome, clockEpochMs);
    if (!wasSent(device)) continue;
    devices += 1;
    countInGroup(groups, device);
  }
  // Which of the devices are in a group that the operator names is not known.
  const chosen = named === null ? groups : new Map(named.map((group) => [group, devices]));
  return { groups: chosen, devices, clock: clock.result() };
}

async function* sentDevices(run: RunOutcomes): AsyncGenerator<AuditedDevice> {
  for await (const device of devicesOf(run.outcomes())) if (wasSent(device)) yield device;
}

function timesOf({ survey }: RunOutcomes, clock: ClockBounds, readAtEpochMs: number): RunTimes {
  const { first, end, clocks } = survey;
  const endedAtEpochMs = end === null ? readAtEpochMs : (clocks.at(-1)?.epochAtZeroMs ?? 0) + end.atMs;
  return { beganAtEpochMs: first.startedAtEpochMs, endedAtEpochMs, clock };
}

async function writeAuditCsv(folder: string, run: RunOutcomes, log: RecordLog, times: RunTimes): Promise<AuditFold> {
  const fold = new AuditFold();
  const removed = await RemovedIds.read(folder);
  const program: CsvProgram = run.survey.sessions.at(-1)?.session.csvFor ?? 'plain';
  await writeAtomically(join(folder, AUDIT_CSV), async (file) => {
    await file.write(csvHeader(AUDIT_CSV_NAMES, program));
    for await (const device of devicesOf(run.outcomes())) {
      const record = await log.find(device.registrationId);
      const audit = auditOf(device, record, { times, removed });
      fold.add(device, audit, record !== null);
      await file.write(csvLine(auditCsvCells(device, record, audit), program));
    }
    if (!knowsExtras(log, run)) return;
    for await (const record of log.records()) {
      if (fold.addRecord(record)) await file.write(csvLine(extraCsvCells(record), program));
    }
  });
  return fold;
}

function auditOf(
  device: AuditedDevice,
  record: RegistrationStateBody | null,
  { times, removed }: { readonly times: RunTimes; readonly removed: RemovedIds | null },
): RowAudit {
  const { registrationId: id } = device;
  if (id === '') return UNNAMED;
  const isRemoved = record === null && removed?.has({ what: 'registration', id }, endedAtMs(device));
  return isRemoved ? REMOVED : compareRecord(device, record, times);
}

const UNNAMED: RowAudit = {
  verdict: 'unresolved',
  differences: [],
  told: 'cannot-tell',
  isRegisteredAgain: false,
  finding: 'the row has no registration ID, because the fleet file is missing or was changed',
};

function emptyOf(named: readonly string[], { groups }: RecordLog): readonly string[] {
  return named.filter((name) => groups.some(({ group, records }) => group === name && records === 0));
}

/**
 * Whether a record without a row is one of nobody: a group must have been read to its end, and every row must have a name. A group without a
 * record may be none: not every answer tells.
 */
function knowsExtras({ groups }: RecordLog, { lacking }: RunOutcomes): boolean {
  return lacking === null && groups.some(({ isComplete, records }) => isComplete && records > 0);
}

function summarize(
  fold: AuditFold,
  log: RecordLog,
  { hostName, clock, allowExtra }: AuditOptions,
  judged: Pick<AuditSummary, 'extra' | 'clock'>,
): AuditSummary {
  const { rows, differences, resolvedAs, possiblyTwice, registeredAgain, first } = fold;
  return {
    host: hostName,
    beganAt: new Date(log.header.beganAtEpochMs).toISOString(),
    endedAt: new Date(clock.epochMs()).toISOString(),
    rows,
    differences,
    extraAllowed: allowExtra,
    registeredAgain,
    resolvedAs,
    possiblyTwice,
    first,
    ...judged,
  };
}
