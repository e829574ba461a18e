import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { executeEnroll, type NewEnrollFile, refuseChange } from '../../../src/cli/commands/execute-enroll.ts';
import { type EnrollRequest, readEnrollInputs } from '../../../src/cli/host/enroll-inputs.ts';
import { deriveDeviceKey } from '../../../src/dps/device-key.ts';
import { parseServiceConnection, printServiceConnection } from '../../../src/dps/service-connection.ts';
import { readEnrollFile } from '../../../src/enroll-folder/enroll-file.ts';
import { ROW_JOURNAL_FILE } from '../../../src/enroll-folder/row-journal.ts';
import { surveyFleet } from '../../../src/fleet/survey-fleet.ts';
import { GROUP_KEY } from '../../support/emulated-instance.ts';
import {
  disagreements,
  type EnrollEmulator,
  enrollmentsOf,
  plant,
  READ_ONLY_POLICY,
  serviceFaults,
  startEnrollEmulator,
} from '../../support/enroll-at-emulator.ts';
import { operatorError } from '../../support/fleet-file.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { createTestCa } from '../../support/test-certificates.ts';

const folder = temporaryFolder();
let emulator: EnrollEmulator;

beforeAll(async () => {
  emulator = await startEnrollEmulator();
});

afterAll(async () => {
  await emulator.close();
});

type Asked = Partial<Omit<EnrollRequest, 'flags'>> & {
  readonly flags?: EnrollRequest['flags'];
  readonly environment?: Readonly<Record<string, string>>;
};

async function prepare({ flags = {}, environment = {}, ...asked }: Asked) {
  const request: EnrollRequest = {
    ...{
      action: 'create',
      updates: false,
      groupId: null,
      groupCaFile: null,
      scenarioFile: null,
      idsFile: null,
      ...asked,
    },
    flags: { ca: emulator.caFile, operationsPerMinute: '1000000', out: join(folder, 'results'), ...flags },
  };
  const inputs = await readEnrollInputs(request, {
    DPSLOAD_SERVICE_CONNECTION: emulator.connectionString,
    ...environment,
  });
  const { action, updates, groupId, groupCaFile, scenarioFile } = request;
  const fresh: NewEnrollFile = {
    ...{ version: 1, dpsloadVersion: '0', hostName: '127.0.0.1', action, updates, groupId, groupCaFile, scenarioFile },
    ...{ list: inputs.list, rows: inputs.rows, settingsSha256: inputs.settingsSha256, flags: {} },
  };
  return { inputs, fresh };
}

async function enroll(asked: Asked) {
  const { inputs, fresh } = await prepare(asked);
  return executeEnroll({ inputs, start: { fresh, label: 'test', folder: null }, isQuiet: true });
}

function fleetOf(name: string, lines: readonly string[]): string {
  const file = join(folder, name);
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

function rowsOf(resultFolder: string): readonly Record<string, string>[] {
  return parse(readFileSync(join(resultFolder, 'enrollments.csv')), { columns: true });
}

describe('enrolling', () => {
  it('ends every row truly, whatever happens to requests', async () => {
    const ids = Array.from({ length: 200 }, (_, row) => `dev-${row}`);
    // What is planted at the beginning of a second is created in the second in which the command begins.
    await new Promise((resolve) => setTimeout(resolve, 1_001 - (Date.now() % 1_000)));
    const etags = await plant(emulator, ids);
    // Throttling, which takes seconds, is for virtual time and for test/long.
    await emulator.update({ faults: serviceFaults(0.04).filter((_, place) => [2, 4].includes(place)) });
    const environment = { DPSLOAD_GROUP_KEY: GROUP_KEY };
    const end = await enroll({ flags: { fleet: fleetOf('200.csv', ['registration_id', ...ids]) }, environment });
    await emulator.update({ faults: [] });
    expect(emulator.faultRecords.length).toBeGreaterThan(0);
    expect(end).toMatchObject({ exitCode: 3, stoppedBy: null, summary: { notDone: 0, rows: 200 } });
    expect(await disagreements(emulator, ids, etags, end.folder)).toEqual([]);
    const { serviceStartedAtEpochMs } = readEnrollFile(end.folder);
    for (const [id, { createdDateTimeUtc = '' }] of await enrollmentsOf(emulator)) {
      expect([id, Date.parse(createdDateTimeUtc) < serviceStartedAtEpochMs]).toEqual([id, etags.has(id)]);
    }
    for (const name of readdirSync(end.folder)) {
      const text = readFileSync(join(end.folder, name), 'utf8');
      for (const secret of [GROUP_KEY, deriveDeviceKey(GROUP_KEY, 'dev-0'), 'SharedAccess']) {
        expect(text).not.toContain(secret);
      }
    }
  });

  it('takes nothing for its own, when it goes on, that it had not begun before it was stopped', async () => {
    const ids = Array.from({ length: 20 }, (_, row) => `mine-${row}`);
    const flags = { fleet: fleetOf('mine.csv', ['registration_id', ...ids]) };
    const environment = { DPSLOAD_GROUP_KEY: GROUP_KEY };
    const { folder: stopped } = await enroll({ flags, environment });
    // As if it had been stopped after ten rows.
    const journal = join(stopped, ROW_JOURNAL_FILE);
    const lines = readFileSync(journal, 'utf8').trimEnd().split('\n');
    const isOfTen = (line: string): boolean => {
      const { begun, row } = JSON.parse(line) as { readonly begun?: readonly number[]; readonly row?: number };
      return (row ?? begun?.[0] ?? 0) < 10;
    };
    writeFileSync(
      journal,
      lines
        .filter(isOfTen)
        .map((line) => `${line}\n`)
        .join(''),
    );
    for (const id of ids.slice(10)) await emulator.client.delete('enrollments', id, null);
    const others = await enroll({ flags, environment });
    expect(others.summary.states).toMatchObject({ created: 10, 'exists-same': 10 });

    const { inputs } = await prepare({ flags, environment });
    const start = { resumed: readEnrollFile(stopped), folder: stopped };
    const resumed = await executeEnroll({ inputs, start, isQuiet: true });
    expect(resumed.summary.states).toMatchObject({ created: 10, 'exists-same': 10 });
  });

  it('writes the keys that the service generates as a fleet that a run takes, for its owner only', async () => {
    const file = fleetOf('generate.csv', ['registration_id,line,device_key', 'gen-1,a,', 'gen-2,b,']);
    const end = await enroll({ flags: { fleet: file, generateKeys: 'true' } });
    const keyed = join(end.folder, 'fleet-with-keys.csv');
    expect(statSync(keyed).mode & 0o777).toBe(0o600);
    const given = { file: keyed, delimiter: null, header: true, columns: {} };
    expect(await surveyFleet(given, { keys: 'in-every-row' })).toMatchObject({ rows: 2, otherColumns: ['line'] });
    const rows = parse(readFileSync(keyed), { columns: true }) as Record<string, string>[];
    for (const { registration_id: id = '', device_key: key } of rows) {
      expect((await emulator.client.attestation('enrollments', id))?.symmetricKey?.primaryKey).toBe(key);
    }
  });

  it('takes the certificate of each row, without its private key, and knows it again', async () => {
    const ca = await createTestCa();
    const { certPem } = await ca.issue({ hosts: ['x.example'] });
    const own = await createTestCa('x509-1');
    writeFileSync(join(folder, 'one.pem'), `${own.certPem}\n${certPem}`);
    writeFileSync(join(folder, 'other.pem'), certPem);
    const flags = { attestation: 'x509' };
    const good = fleetOf('x509.csv', ['registration_id,cert_file', 'x509-1,one.pem']);
    expect(await enroll({ flags: { ...flags, fleet: good } })).toMatchObject({ summary: { states: { created: 1 } } });
    const again = await enroll({ flags: { ...flags, fleet: good } });
    expect(again.summary.states.created + again.summary.states['exists-same']).toBe(1);
    const bad = fleetOf('bad.csv', ['registration_id,cert_file', 'x509-1,other.pem', 'x509-2,', 'x509-3,no.pem']);
    const { problems } = await operatorError(() => enroll({ flags: { ...flags, fleet: bad } }));
    expect(problems.map(({ line }) => line)).toEqual([2, 3, 4]);
  });

  it('makes a group for a CA, and one with generated keys', async () => {
    const ca = await createTestCa('line-a');
    writeFileSync(join(folder, 'ca.pem'), ca.certPem);
    const byCa = await enroll({ groupId: 'line-a', groupCaFile: join(folder, 'ca.pem') });
    expect(byCa.exitCode).toBe(0);
    expect(await emulator.client.find('enrollmentGroups', 'line-a')).toMatchObject({ attestation: { type: 'x509' } });
    const byKey = await enroll({ groupId: 'line-b', flags: { generateKeys: 'true' } });
    const key = readFileSync(join(byKey.folder, 'group.key'), 'utf8').trim();
    expect((await emulator.client.attestation('enrollmentGroups', 'line-b'))?.symmetricKey?.primaryKey).toBe(key);
    expect(statSync(join(byKey.folder, 'group.key')).mode & 0o777).toBe(0o600);
    expect(rowsOf(byKey.folder)).toMatchObject([{ enrollment_group_id: 'line-b', state: 'created' }]);
  });
});

describe('credentials', () => {
  it('that may not read stop the command before anything is made', async () => {
    const connection = parseServiceConnection(emulator.connectionString);
    if (typeof connection === 'string') return expect.unreachable(connection);
    const wrong = printServiceConnection({ ...connection, key: Buffer.alloc(32, 7).toString('base64') });
    const before = readdirSync(join(folder, 'results')).length;
    const file = fleetOf('one.csv', ['registration_id', 'never-1']);
    const asked = { flags: { fleet: file, generateKeys: 'true' }, environment: { DPSLOAD_SERVICE_CONNECTION: wrong } };
    const { kind, message } = await operatorError(() => enroll(asked));
    expect(kind).toBe('unreachable');
    expect(message).toContain('The policy needs EnrollmentRead and EnrollmentWrite');
    expect(readdirSync(join(folder, 'results'))).toHaveLength(before);
  });

  it('that may only read end with exit code 4 and nothing written', async () => {
    const file = fleetOf('two.csv', ['registration_id', ...Array.from({ length: 40 }, (_, row) => `never-${row}`)]);
    const environment = { DPSLOAD_SERVICE_CONNECTION: emulator.connectionStringOf(READ_ONLY_POLICY) };
    const end = await enroll({ flags: { fleet: file, generateKeys: 'true' }, environment });
    expect(end).toMatchObject({ exitCode: 4, summary: { notDone: 40 } });
    expect(end.stoppedBy?.message).toContain('answers 401');
    expect(rowsOf(end.folder).map(({ state }) => state)).toEqual(Array(40).fill('not-done'));
  });
});

describe('a resumed command', () => {
  it('does what is left, and is refused when it no longer means the same', async () => {
    const file = fleetOf('resumed.csv', ['registration_id', 'res-1', 'res-2']);
    const flags = { fleet: file, generateKeys: 'true' };
    const readOnly = { DPSLOAD_SERVICE_CONNECTION: emulator.connectionStringOf(READ_ONLY_POLICY) };
    const stopped = await enroll({ flags, environment: readOnly });
    const earlier = readEnrollFile(stopped.folder);
    const { inputs, fresh } = await prepare({ flags });
    refuseChange(earlier, fresh);
    const start = { resumed: earlier, folder: stopped.folder };
    const end = await executeEnroll({ inputs, start, isQuiet: true });
    expect(end).toMatchObject({ exitCode: 0, summary: { states: { created: 2 }, notDone: 0 } });
    const other = await prepare({ flags: { ...flags, reprovisioning: 'reset' } });
    const changed = { ...other.fresh, hostName: 'elsewhere', list: { file, sha256: '0' } };
    const { problems } = await operatorError(async () => refuseChange(earlier, changed));
    expect(problems).toHaveLength(3);
  });
});

describe('lists of IDs', () => {
  it('are read with every mistake in them', async () => {
    const file = fleetOf('ids.csv', ['registration_id', 'a b', 'Gen-1', 'gen-1', '']);
    const { problems } = await operatorError(() => prepare({ action: 'delete', idsFile: file }));
    expect(problems.map(({ line }) => line)).toEqual([2, 4]);
  });

  it('are disabled and deleted', async () => {
    const file = fleetOf('good.csv', ['registration_id,state', 'gen-1,x', 'gen-9,y']);
    const disabled = await enroll({ action: 'disable', idsFile: file });
    expect(disabled.summary.states).toMatchObject({ disabled: 1, missing: 1 });
    const deleted = await enroll({ action: 'delete', idsFile: file });
    expect(deleted).toMatchObject({ exitCode: 0, summary: { states: { deleted: 1, missing: 1 } } });
    expect(await emulator.client.find('enrollments', 'gen-1')).toBeNull();
  });
});
