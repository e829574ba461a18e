import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { loadAttestationKeys } from '../../attestation/attestation-keys.ts';
import { type EnrollmentKeys, enrollmentAttestation } from '../../attestation/enrollment-attestation.ts';
import { certificateTexts, parseCertificate } from '../../certificates/certificate-chain.ts';
import { foldRegistrationId, registrationIdProblem } from '../../dps/registration-id.ts';
import type { AttestationBody } from '../../dps/service-api.ts';
import type { EntryBody } from '../../enroll/compare-entries.ts';
import {
  type EnrollmentColumns,
  type EnrollmentSettings,
  enrollmentColumns,
  INITIAL_TWIN,
  settingComplaints,
  settingsBody,
  wantedEnrollment,
} from '../../enroll/wanted-enrollment.ts';
import type { EnrollFile } from '../../enroll-folder/enroll-file.ts';
import type { ListedRow } from '../../enroll-folder/enroll-results.ts';
import { readTextFile } from '../../files/read-text-file.ts';
import type { FleetFile } from '../../fleet/fleet-file.ts';
import { readFleet, readFleetLines } from '../../fleet/read-fleet.ts';
import { readRegistrationIds } from '../../fleet/read-registration-ids.ts';
import { duplicateMessage } from '../../fleet/rejected-lines.ts';
import { type FleetSurvey, surveyFleet } from '../../fleet/survey-fleet.ts';
import { OperatorError, type Problem, ProblemList, problem, problemIn } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import type { Flags } from '../../scenario/read/gather-settings.ts';
import { enrollmentRules, type ResolvedEnrollment, resolveEnrollment } from '../../scenario/read/resolve-enrollment.ts';
import type { Environment } from '../../scenario/scenario.ts';
import type { SettingValues } from '../../scenario/settings/settings.ts';
import { readScenarioFile } from './run-inputs.ts';
import { readServiceAccess, type ServiceAccess } from './service-access.ts';

/** What the command line asks for. */
export type EnrollRequest = Pick<EnrollFile, 'action' | 'updates' | 'groupId' | 'groupCaFile' | 'scenarioFile'> & {
  /** Of `disable` and `delete`: the IDs; `null` = the fleet is a setting. */
  readonly idsFile: string | null;
  readonly flags: Flags;
};

/** A row, with the entry that it asks for; without one, the command only needs the ID. */
export type WantedListedRow = ListedRow & { readonly wanted: EntryBody | null };

/** Everything the command works with, checked before anything is sent. */
export type EnrollInputs = {
  readonly access: ServiceAccess;
  /** Folder that gets one folder for each command. */
  readonly out: string;
  /** As many as `listed` gives. */
  readonly rows: number;
  readonly list: EnrollFile['list'];
  /** For the file with generated keys; `null` = none is written. */
  readonly keyedFleet: FleetFile | null;
  readonly readsKeys: boolean;
  readonly settingsSha256: string;
  readonly warnings: readonly string[];
  /** Gives every row in order, each time it is called. */
  readonly listed: () => AsyncGenerator<WantedListedRow>;
};

/** @throws OperatorError `usage` with the problems of settings, files and rows */
export async function readEnrollInputs(request: EnrollRequest, environment: Environment): Promise<EnrollInputs> {
  const { flags, scenarioFile, idsFile, groupId } = request;
  const file = readScenarioFile(scenarioFile ?? '');
  const resolved = resolveEnrollment({ flags, environment, scenarioFile: file });
  const access = await readServiceAccess(resolved.values, environment);
  const common = { access, out: resolved.values.out ?? '' };
  if (idsFile !== null) return { ...common, ...(await readIds(idsFile)) };
  const settings = await readSettings(resolved.values);
  return {
    ...common,
    ...(groupId === null
      ? await readRows(resolved, settings, environment)
      : await readGroup(request, resolved, settings, environment)),
  };
}

type ListInputs = Omit<EnrollInputs, 'access' | 'out'>;

async function readSettings(values: SettingValues): Promise<EnrollmentSettings> {
  const { webhookUrlFile, webhookApiVersion, initialTwin: twinFile } = values;
  const settings: EnrollmentSettings = {
    hubs: values.iotHubs,
    policy: values.hubPolicy,
    webhook:
      webhookUrlFile === null
        ? null
        : { webhookUrl: (await readTextFile(webhookUrlFile)).trim(), apiVersion: webhookApiVersion ?? '' },
    initialTwin: null,
    reprovisioning: values.reprovisioning ?? 'migrate',
    status: values.enrollmentStatus ?? 'enabled',
    iotEdge: values.iotEdge ?? false,
  };
  if (twinFile === null) return settings;
  const reading = INITIAL_TWIN.read(await readTextFile(twinFile));
  if ('value' in reading) return { ...settings, initialTwin: reading.value };
  throw new OperatorError('usage', [problemIn(twinFile, reading.problem, INITIAL_TWIN.remedy)]);
}

async function readRows(
  { values, attestation }: ResolvedEnrollment,
  settings: EnrollmentSettings,
  environment: Environment,
): Promise<ListInputs> {
  if (values.fleet === null) {
    throw new OperatorError('usage', [
      problem('no fleet given', 'Name the CSV file on the command line, or as fleet.file in the scenario'),
    ]);
  }
  const keys = await loadKeys(attestation, environment);
  const given: FleetFile = {
    file: values.fleet,
    delimiter: values.delimiter,
    header: values.header ?? true,
    columns: values.map ?? {},
  };
  const survey = await surveyFleet(given, enrollmentRules(attestation), { canSkip: false });
  const fleet = { ...given, delimiter: survey.delimiter };
  const problems: Problem[] = [];
  const columns = enrollmentColumns(fleet.file, survey.otherColumns, problems);
  if (problems.length > 0) throw new OperatorError('usage', problems);
  const plan = { fleet, survey, columns, settings, keys };
  await checkRows(plan);
  const unused = columns.unused.map(quoteValue).join(', ');
  return {
    rows: survey.rows,
    list: { file: resolve(fleet.file), sha256: survey.digest },
    keyedFleet: attestation === null ? fleet : null,
    readsKeys: attestation === null,
    settingsSha256: sha256Of({ settings, attestation, columns: fleet.columns, header: fleet.header }),
    warnings: unused === '' ? [] : [`${fleet.file}: columns without a meaning for enrollments: ${unused}`],
    listed: () => wantedRows(plan),
  };
}

async function loadKeys(
  attestation: ResolvedEnrollment['attestation'],
  environment: Environment,
): Promise<EnrollmentKeys> {
  if (attestation === null) return { kind: 'generated' };
  const keys = await loadAttestationKeys(attestation, environment);
  if (keys.kind === 'x509-issuer') throw new Error('certificates that are issued at launch cannot be enrolled');
  return keys;
}

type RowPlan = {
  readonly fleet: FleetFile;
  readonly survey: FleetSurvey;
  readonly columns: EnrollmentColumns;
  readonly settings: EnrollmentSettings;
  readonly keys: EnrollmentKeys;
};

/** @throws OperatorError `usage` with every row whose enrollment cannot be made */
async function checkRows(plan: RowPlan): Promise<void> {
  const problems = new ProblemList();
  for await (const _ of wantedRows(plan, problems));
  problems.throwIfAny('usage');
}

/** @param problems receives those of the rows that cannot be made, which are left out; without it, there must be none */
async function* wantedRows(
  { fleet, survey, columns, settings, keys }: RowPlan,
  problems: ProblemList = new ProblemList(),
): AsyncGenerator<WantedListedRow> {
  const lines = readFleetLines(fleet, survey);
  for await (const row of readFleet(fleet, survey)) {
    const { value: line = null } = await lines.next();
    const made = await enrollmentAttestation(keys, row);
    const entry =
      'complaint' in made
        ? { complaints: [made.complaint] }
        : wantedEnrollment(row, columns, settings, made.attestation);
    if ('wanted' in entry) yield { row: row.row, line, id: row.registrationId, wanted: entry.wanted };
    else problems.add(...entry.complaints.map(({ message, remedy }) => problemIn(fleet.file, message, remedy, line)));
  }
}

/** A list of IDs, each once. */
async function readIds(file: string): Promise<ListInputs> {
  const problems = new ProblemList();
  const digest = createHash('sha256');
  const lineOf = new Map<string, number>();
  const rows: WantedListedRow[] = [];
  for await (const listed of readRegistrationIds(file, (bytes) => digest.update(bytes))) {
    for (const { line, text } of listed) {
      const reason = registrationIdProblem(text);
      const before = lineOf.get(foldRegistrationId(text));
      lineOf.set(foldRegistrationId(text), line);
      if (reason !== null) problems.add(problemIn(file, `registration_id ${reason}`, 'Correct the ID', line));
      else if (before !== undefined)
        problems.add(problemIn(file, duplicateMessage(before), 'Remove one of the two', line));
      else rows.push({ row: rows.length, line, id: text, wanted: null });
    }
  }
  problems.throwIfAny('usage');
  if (rows.length === 0) throw new OperatorError('usage', [problemIn(file, 'lists no ID', 'Write a line for each ID')]);
  return {
    ...{ rows: rows.length, list: { file: resolve(file), sha256: digest.digest('hex') } },
    ...{ keyedFleet: null, readsKeys: false, settingsSha256: sha256Of({}), warnings: [] },
    listed: async function* () {
      yield* rows;
    },
  };
}

async function readGroup(
  { groupId, groupCaFile }: EnrollRequest,
  { attestation: choice }: ResolvedEnrollment,
  settings: EnrollmentSettings,
  environment: Environment,
): Promise<ListInputs> {
  const enrollmentGroupId = groupId ?? '';
  const problems = settingComplaints(settings).map(({ message, remedy }) =>
    problem(`the group has ${message}`, remedy),
  );
  const reason = registrationIdProblem(enrollmentGroupId);
  if (reason !== null) problems.push(problem(`--group ${quoteValue(enrollmentGroupId)} ${reason}`, 'Correct the ID'));
  if (problems.length > 0) throw new OperatorError('usage', problems);
  const attestation = groupCaFile === null ? await groupKeys(choice, environment) : await groupCertificate(groupCaFile);
  const readsKeys = choice === null && groupCaFile === null;
  return {
    ...{ rows: 1, list: null, keyedFleet: null, readsKeys, warnings: [] },
    settingsSha256: sha256Of({ settings, choice }),
    listed: async function* () {
      yield {
        row: 0,
        line: null,
        id: enrollmentGroupId,
        wanted: { enrollmentGroupId, attestation, ...settingsBody(settings) },
      };
    },
  };
}

async function groupKeys(
  choice: ResolvedEnrollment['attestation'],
  environment: Environment,
): Promise<AttestationBody> {
  if (choice === null) return { type: 'symmetricKey' };
  const keys = choice.kind === 'group-key' ? await loadAttestationKeys(choice, environment) : null;
  if (keys?.kind !== 'group-key' || keys.defaultKey === null) {
    const remedy = 'Give --group-key-file FILE or DPSLOAD_GROUP_KEY, --generate-keys, or --group-ca-file FILE';
    throw new OperatorError('usage', [problem('no key or certificate given for the group', remedy)]);
  }
  const { defaultKey: primaryKey, secondary } = keys;
  const { defaultKey: secondaryKey } = secondary;
  return { type: 'symmetricKey', symmetricKey: secondaryKey === null ? { primaryKey } : { primaryKey, secondaryKey } };
}

async function groupCertificate(file: string): Promise<AttestationBody> {
  const pem = await readTextFile(file);
  const [certificate = ''] = certificateTexts(pem);
  if (parseCertificate(pem)?.ca !== true) {
    const remedy = 'Name the certificate that signs those of the devices, for example one of dpsload certs create';
    throw new OperatorError('usage', [problemIn(file, 'is not the certificate of a CA', remedy)]);
  }
  return { type: 'x509', x509: { signingCertificates: { primary: { certificate } } } };
}

function sha256Of(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
