import { createHash } from 'node:crypto';
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { problemsOfAgent, resolveSecrets, type SecretNames, secretNames } from '../../src/agents/resolve-secrets.ts';
import type { FleetFile } from '../../src/fleet/fleet-file.ts';
import type { AttestationChoice, CertificateSource, Target } from '../../src/scenario/scenario.ts';
import { operatorError, writeFleetFile } from '../support/fleet-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const key = (fill: string): string => Buffer.alloc(64, fill).toString('base64');
const [GROUP_KEY, KEY_A, KEY_B] = [key('g'), key('a'), key('b')];

const root = temporaryFolder();
const here = join(root, 'here');
const there = join(root, 'there');
for (const folder of [here, there]) mkdirSync(folder);

const SERVICE: Target = { kind: 'service', host: 'dps.example.net', port: 8883, idScope: '0ne00000001' };
const EMULATOR: Target = { kind: 'emulator', configFile: null, throwAway: true };
const variable = (name: string) => ({ kind: 'environment', variable: name }) as const;
const groupKey = (name: string | null): AttestationChoice => ({
  kind: 'group-key',
  key: name === null ? null : variable(name),
  groups: {},
  secondary: { key: null, groups: {} },
});
const DEVICE_KEY: AttestationChoice = { kind: 'device-key' };
const x509 = (certificates: CertificateSource): AttestationChoice => ({ kind: 'x509', certificates });

function pinOf(fleet: FleetFile, rejectedRows = 0) {
  const digest = createHash('sha256').update(readFileSync(fleet.file)).digest('hex');
  return { digest, bytes: statSync(fleet.file).size, rejectedRows };
}

async function namesOf(
  attestation: AttestationChoice,
  fleet: FleetFile,
  { target = SERVICE, rejectedRows = 0 }: { readonly target?: Target; readonly rejectedRows?: number } = {},
): Promise<SecretNames> {
  return await secretNames({ attestation, fleet, target }, pinOf(fleet, rejectedRows));
}

/** The same file in another folder, under another name. */
function copyOf(fleet: FleetFile): string {
  const copy = join(there, `copy-${copies++}.csv`);
  copyFileSync(fleet.file, copy);
  return copy;
}
let copies = 0;

async function problemsOf(names: SecretNames, fleetFiles: readonly string[] = [], environment = {}) {
  const { problems } = await operatorError(() => resolveSecrets(names, { environment, fleetFiles }));
  return problems;
}

const keyed = writeFleetFile(here, `registration_id,device_key\ndev-1,${KEY_A}\ndev-2,\ndev-3,${KEY_B}\n`);
const plain = writeFleetFile(here, 'registration_id\ndev-1\n');

describe('names of secrets', () => {
  it('ask for the fleet only where its rows hold keys or its devices have files', async () => {
    const needs = async (attestation: AttestationChoice, fleet: FleetFile) =>
      (await namesOf(attestation, fleet)).fleet !== null;
    expect(await needs(groupKey('K'), plain)).toBe(false);
    expect(await needs(groupKey('K'), keyed)).toBe(true);
    expect(await needs(DEVICE_KEY, keyed)).toBe(true);
    expect(await needs(x509({ from: 'rows', folder: here }), plain)).toBe(true);
    expect(await needs(x509({ from: 'issuer', certificateFile: 'c', keyFile: 'k' }), keyed)).toBe(false);
  });

  it('do not exist for what is created for the run', async () => {
    const refusals = [
      () => namesOf(groupKey(null), plain, { target: EMULATOR }),
      () => namesOf(x509({ from: 'throw-away' }), plain, { target: EMULATOR }),
    ];
    for (const refusal of refusals) {
      const { kind, message } = await operatorError(refusal);
      expect(kind).toBe('usage');
      expect(message).toMatch(/created for the run exists only in this process.* (Set|Create) /);
    }
    expect((await namesOf(groupKey('K'), plain, { target: EMULATOR })).fleet).toBeNull();
    expect(await problemsOf({ attestation: x509({ from: 'throw-away' }), fleet: null })).toHaveLength(1);
  });
});

describe('an agent', () => {
  it("takes keys from its own environment, and devices' keys from its own copy", async () => {
    const names = await namesOf(groupKey('GROUP'), keyed);
    const other = writeFleetFile(there, 'registration_id\nx\n').file;
    const sources = { environment: { GROUP: GROUP_KEY }, fleetFiles: [other, copyOf(keyed)] };
    const { keys, deviceKeyOf } = await resolveSecrets(names, sources);
    expect(keys).toMatchObject({ kind: 'group-key', defaultKey: GROUP_KEY });
    expect(['dev-1', 'dev-2', 'dev-3', 'dev-4'].map(deviceKeyOf)).toEqual([KEY_A, null, KEY_B, null]);
    expect(JSON.stringify(names)).not.toContain(KEY_A);
  });

  it('reads its copy by the rules of the run, and no further than the run does', async () => {
    const fleet = writeFleetFile(here, `Serial;Key\ndev-1;${KEY_A}\nnot legal!;${KEY_A}\ndev-1;${KEY_A}\n`, {
      delimiter: ';',
      columns: { registration_id: 'Serial', device_key: 'Key' },
    });
    const names = await secretNames({ attestation: DEVICE_KEY, fleet, target: SERVICE }, pinOf(fleet));
    const copy = copyOf(fleet);
    appendFileSync(copy, `dev-9;${KEY_B}\n`);
    const { deviceKeyOf } = await resolveSecrets(names, { environment: {}, fleetFiles: [copy] });
    expect(['dev-1', 'dev-9'].map(deviceKeyOf)).toEqual([KEY_A, null]);
  });

  it('says all that it lacks at once, without a key', async () => {
    const names = await namesOf(
      {
        ...groupKey('GROUP'),
        groups: { 'line-b': { kind: 'file', file: join(there, 'none.key') } },
      } as AttestationChoice,
      keyed,
    );
    const changed = copyOf(keyed);
    writeFileSync(changed, readFileSync(keyed.file, 'utf8').replace(KEY_A, KEY_B));
    const short = writeFleetFile(there, 'registration_id\n').file;
    const problems = await problemsOf(names, [changed, short, join(there, 'none.csv')], { GROUP: 'half-a-key' });
    expect(problems).toHaveLength(5);
    expect(problems.every(({ remedy }) => remedy !== null)).toBe(true);
    const lines = problemsOfAgent('eu-1', problems).map(({ message }) => message);
    expect(lines).toEqual([
      expect.stringMatching(/^agent eu-1: the group key, from GROUP, /),
      expect.stringMatching(/^agent eu-1: .*none\.key: the key of group "line-b" cannot be read: ENOENT$/),
      expect.stringMatching(
        /^agent eu-1: .*copy-\d+\.csv: is not the fleet of this run, fleet-\d+\.csv with 224 bytes and SHA-256 [0-9a-f]{64}$/,
      ),
      expect.stringMatching(/^agent eu-1: .*fleet-\d+\.csv: is not the fleet of this run/),
      expect.stringMatching(/^agent eu-1: .*none\.csv: no such file$/),
    ]);
    expect(JSON.stringify(problems)).not.toMatch(/half-a-key|YWFh|YmJi/);
  });

  it('asks for the fleet by name and content', async () => {
    const [problem] = await problemsOf(await namesOf(DEVICE_KEY, keyed));
    expect(problem?.message).toMatch(
      /^no --fleet is given, but the run needs fleet-\d+\.csv with 224 bytes and SHA-256 /,
    );
    expect(problem?.remedy).toMatch(
      /^Copy the coordinator's fleet-\d+\.csv to this machine, and start the agent with --fleet/,
    );
  });

  it("finds the devices' certificates beside its own copy, and counts those that are missing", async () => {
    const fleet = writeFleetFile(here, 'registration_id,cert_file,key_file\ndev-1,1.pem,1.key\ndev-2,2.pem,2.key\n');
    const names = await namesOf(x509({ from: 'rows', folder: here }), fleet);
    const copy = copyOf(fleet);
    const sources = { environment: {}, fleetFiles: [copy] };
    const [problem] = await problemsOf(names, [copy]);
    expect(problem?.message).toMatch(
      /^2 rows have no usable certificate and key here; the first: cert_file ".*there\/1\.pem": no such file$/,
    );
    for (const name of ['1.pem', '1.key']) writeFileSync(join(there, name), '');
    expect(await problemsOf(names, [copy])).toHaveLength(1);
    expect((await resolveSecrets(await namesOf(names.attestation, fleet, { rejectedRows: 1 }), sources)).keys).toEqual({
      kind: 'x509-files',
      files: { from: 'rows', folder: there },
    });
  });
});
