import { BULK_ENTRIES_MAX } from '../../dps/service-api.ts';
import { serviceEndpoint } from '../../dps/service-connection.ts';
import type { EndedRow } from '../../enroll/entry-outcome.ts';
import { EntryWriter } from '../../enroll/entry-writer.ts';
import { isUnwanted } from '../../enroll/row-result.ts';
import { type EnrollFile, writeEnrollFile } from '../../enroll-folder/enroll-file.ts';
import { type EnrollSummary, type ResultInputs, writeEnrollResults } from '../../enroll-folder/enroll-results.ts';
import { RowJournal } from '../../enroll-folder/row-journal.ts';
import { OperatorError, problem } from '../../problem/operator-error.ts';
import { createRunFolder, ensureOutFolder } from '../../run-folder/run-folder.ts';
import { lockRunFolder } from '../../run-folder/run-lock.ts';
import { eachInTurn } from '../../service-api/each-in-turn.ts';
import type { Collection } from '../../service-api/service-client.ts';
import { ServiceError } from '../../service-api/service-error.ts';
import { serviceUnavailable } from '../../service-api/service-problem.ts';
import { type Clock, pause } from '../../time/clock.ts';
import { hrtimeMs, systemClock } from '../../time/system-clock.ts';
import type { EnrollInputs, WantedListedRow } from '../host/enroll-inputs.ts';
import { EXIT_CODE } from '../host/exit-code.ts';
import { gracefulStop, type Stop } from '../host/graceful-stop.ts';
import { type OpenService, openService } from '../host/service-access.ts';
import { stoppingLine } from '../view/say.ts';
import type { EnrollEnd } from '../view/show-enroll-end.ts';
import { showEnrollProgress } from '../view/show-enroll-progress.ts';

/** What a new command begins with, before the clock of the service is known. */
export type NewEnrollFile = Omit<EnrollFile, 'startedAt' | 'serviceStartedAtEpochMs'>;

export type EnrollSession = {
  readonly inputs: EnrollInputs;
  /** `resumed`: the folder and enroll.json of an earlier session. */
  readonly start:
    | {
        readonly fresh: NewEnrollFile;
        readonly label: string;
        /** To create; `null` = one under the results folder, named for its start. */
        readonly folder: string | null;
      }
    | { readonly resumed: EnrollFile; readonly folder: string };
  readonly isQuiet: boolean;
};

/** @throws OperatorError `unreachable`, without a folder, when the service refuses even to be read */
export async function executeEnroll(session: EnrollSession): Promise<EnrollEnd> {
  const clock = systemClock(hrtimeMs());
  const service = openService(session.inputs.access, clock);
  try {
    await readFirst(session, service);
    const { folder, facts } = await openFolder(session, service, clock);
    const unlock = lockRunFolder(folder);
    try {
      return await workInFolder(session, service, { folder, facts, clock });
    } finally {
      unlock();
    }
  } finally {
    service.close();
  }
}

function collectionOf({ groupId }: Pick<EnrollFile, 'groupId'>): Collection {
  return groupId === null ? 'enrollments' : 'enrollmentGroups';
}

function factsOf({ start }: EnrollSession): NewEnrollFile {
  return 'resumed' in start ? start.resumed : start.fresh;
}

/** Reads the first entry: whether the service lets us read is known before anything is written. */
async function readFirst(session: EnrollSession, { client }: OpenService): Promise<void> {
  const { value } = await session.inputs.listed().next();
  try {
    await client.find(collectionOf(factsOf(session)), (value as WantedListedRow).id);
  } catch (error) {
    throw error instanceof ServiceError ? unavailable(error, session) : error;
  }
}

/** Of the `Date` header, by which the time of the service is known. */
const SERVICE_TIME_STEP_MS = 1_000;

/** What the clock of the service showed last; ours if it never told. */
function heardEpochMs({ serviceEpochMs }: OpenService['requests'], clock: Clock): number {
  return serviceEpochMs ?? clock.epochMs();
}

/**
 * When the command begins, by the clock of the service: no entry from before is as late, and none that it writes is earlier. The time of the
 * service is known to the second, so it waits for the next one.
 */
async function beginning({ requests }: OpenService, clock: Clock): Promise<number> {
  const readAtEpochMs = heardEpochMs(requests, clock);
  await pause(clock, SERVICE_TIME_STEP_MS);
  return readAtEpochMs + SERVICE_TIME_STEP_MS;
}

function unavailable(error: ServiceError, { inputs }: EnrollSession): OperatorError {
  return serviceUnavailable(
    error,
    serviceEndpoint(inputs.access.connection).host,
    'EnrollmentRead and EnrollmentWrite',
  );
}

type OpenFolder = { readonly folder: string; readonly facts: EnrollFile };

async function openFolder({ start, inputs }: EnrollSession, service: OpenService, clock: Clock): Promise<OpenFolder> {
  if ('resumed' in start) return { folder: start.folder, facts: start.resumed };
  const serviceStartedAtEpochMs = await beginning(service, clock);
  const { fresh, label, folder: given } = start;
  const { out } = inputs;
  ensureOutFolder(out);
  const nowMs = clock.epochMs();
  const folder = createRunFolder({ out, name: `enroll-${label}`, fleet: { file: '' } }, nowMs, given);
  const facts = { ...fresh, startedAt: new Date(nowMs).toISOString(), serviceStartedAtEpochMs };
  await writeEnrollFile(folder, facts);
  return { folder, facts };
}

async function workInFolder(
  session: EnrollSession,
  service: OpenService,
  { folder, facts, clock }: OpenFolder & { readonly clock: Clock },
): Promise<EnrollEnd> {
  const { inputs, isQuiet } = session;
  const journal = await RowJournal.open(folder, inputs.readsKeys);
  const view = showEnrollProgress({ rows: facts.rows, journal, requests: service.requests, clock, isQuiet, folder });
  const stop = gracefulStop(clock, (by) => view.log(stoppingLine(by, 'requests')));
  let stoppedBy: OperatorError | null = null;
  try {
    const work = settleAll(inputs, service, {
      clock,
      facts,
      journal,
      isStopped: () => stop.by() !== null,
    });
    await Promise.race([work, stop.graceOver]);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    stoppedBy = unavailable(error, session);
  } finally {
    view.finish();
    await journal.close();
    stop.dispose();
  }
  const results: ResultInputs = { facts, journal, rows: inputs.listed(), keyedFleet: inputs.keyedFleet };
  const summary = await writeEnrollResults(folder, results);
  return { folder, summary, stoppedBy, exitCode: exitCodeOf(summary, stop.by(), stoppedBy) };
}

type Settling = {
  readonly clock: Clock;
  readonly facts: EnrollFile;
  readonly journal: RowJournal;
  readonly isStopped: () => boolean;
};

async function settleAll(
  inputs: EnrollInputs,
  { client, requests }: OpenService,
  { clock, facts, journal, isStopped }: Settling,
): Promise<void> {
  const { action, updates, serviceStartedAtEpochMs } = facts;
  const writer = new EntryWriter({
    client,
    collection: collectionOf(facts),
    updates,
    readsKeys: inputs.readsKeys,
    begunAtEpochMs: ({ row }) => journal.begunAtEpochMs(row) ?? Number.POSITIVE_INFINITY,
    wasBegunBefore: ({ row }) => journal.wasBegunBefore(row),
  });
  const settle = async (rows: readonly WantedListedRow[]): Promise<readonly EndedRow[]> => {
    if (action === 'create')
      return writer.createTen(rows.flatMap(({ wanted, ...row }) => (wanted === null ? [] : [{ ...row, wanted }])));
    return Promise.all(rows.map((row) => (action === 'disable' ? writer.disable(row) : writer.delete(row))));
  };
  const left = leftRows(inputs, journal, action === 'create' ? BULK_ENTRIES_MAX : 1);
  const work = async (rows: readonly WantedListedRow[]): Promise<void> => {
    await journal.begin(rows, Math.max(serviceStartedAtEpochMs, heardEpochMs(requests, clock)));
    await journal.record(await settle(rows), requests.serviceEpochMs);
  };
  await eachInTurn(left, work, isStopped);
}

/** The rows that have not ended, and those that failed in a way that may pass. */
async function* leftRows(
  inputs: EnrollInputs,
  journal: RowJournal,
  batchRows: number,
): AsyncGenerator<readonly WantedListedRow[]> {
  let batch: WantedListedRow[] = [];
  for await (const row of inputs.listed()) {
    if (journal.isDone(row.row)) continue;
    batch.push(row);
    if (batch.length < batchRows) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function exitCodeOf(summary: EnrollSummary, stop: Stop | null, stoppedBy: OperatorError | null): number {
  const { states, notDone, rows } = summary;
  if (stop !== null && notDone > 0) return EXIT_CODE[stop];
  if (stoppedBy !== null) return notDone === rows ? EXIT_CODE.unreachable : EXIT_CODE.stoppedMidway;
  const isAsWanted = Object.entries(states).every(
    ([state, count]) => count === 0 || !isUnwanted(state as keyof typeof states),
  );
  return isAsWanted && notDone === 0 ? EXIT_CODE.success : EXIT_CODE.someFailed;
}

/** @throws OperatorError `usage` when a resumed command no longer means the same */
export function refuseChange(before: EnrollFile, now: NewEnrollFile): void {
  const changes = [
    ...(before.hostName === now.hostName
      ? []
      : [`the connection string is for ${now.hostName} instead of ${before.hostName}`]),
    ...(before.list?.sha256 === now.list?.sha256 ? [] : [`${before.list?.file} was changed`]),
    ...(before.settingsSha256 === now.settingsSha256
      ? []
      : ['flags, variables, scenario or files give other settings']),
  ];
  if (changes.length === 0) return;
  const remedy = 'Restore what it began with, or start anew: rows that exist are left as they are';
  throw new OperatorError(
    'usage',
    changes.map((change) => problem(`the command cannot be resumed: ${change}`, remedy)),
  );
}
