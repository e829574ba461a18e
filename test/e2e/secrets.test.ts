import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { authority, deviceCertificate } from '../support/certificates.ts';
import {
  dpsload,
  type EmulatorProgram,
  type Ended,
  startDpsload,
  startEmulatorProgram,
} from '../support/dpsload-program.ts';
import {
  derivedKey,
  filesBelow,
  keySecret,
  leaks,
  leaksInFolder,
  type PlantedSecret,
  pemSecret,
  textSecret,
} from '../support/planted-secrets.ts';
import { onlyRunFolder, readResultRows } from '../support/results.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = temporaryFolder();
/** What is planted, by the operator, beside what is searched. */
const given = join(root, 'given');
/** Working folder of every program, and its folder for temporary files: all that is left there is searched. */
const left = join(root, 'left');
const temporary = join(left, 'tmp');
for (const folder of [given, temporary]) mkdirSync(folder, { recursive: true });

const key = (text: string): string => Buffer.from(text.padEnd(40, '+')).toString('base64');
const GROUP_KEY = key('the-key-of-the-enrollment-group>>>');
const WRONG_KEY = key('a-key-of-another-group???');
const FILE_KEY = key('a-group-key-that-stands-in-a-file');
const DEVICE_KEY = key('a-device-key-that-is-wrong');
const MALFORMED_KEY = 'half-a-key-that-is-not-base64!';
const SIGNATURE = 'uTw0nT3rGmJXc5ItmxEgo7K8nYbvZDkP';
const UNRELATED = 'a-token-of-some-other-program';
const IDS = ['dev-1', 'dev-2', 'dev-3'];

const secrets: PlantedSecret[] = [
  ...Object.entries({ GROUP_KEY, WRONG_KEY, FILE_KEY, DEVICE_KEY }).map(([name, value]) => keySecret(name, value)),
  ...IDS.map((id) => keySecret(`the derived key of ${id}`, derivedKey(GROUP_KEY, id))),
  textSecret('a malformed key', MALFORMED_KEY),
  textSecret('a signature', SIGNATURE),
  textSecret('the environment', UNRELATED),
];

function plant(name: string, text: string): string {
  writeFileSync(join(given, name), text);
  return join(given, name);
}

const fleet = plant('fleet.csv', `registration_id\n${IDS.join('\n')}\n`);
let emulator: EmulatorProgram;
const said: (readonly [what: string, ended: Ended])[] = [];

const environment = (groupKey: string | null): Record<string, string> => ({
  TMPDIR: temporary,
  UNRELATED_TOKEN: UNRELATED,
  ...(groupKey === null ? {} : { DPSLOAD_GROUP_KEY: groupKey }),
});

/** Runs the program, and remembers what it said for the search. */
async function say(args: readonly string[], groupKey: string | null): Promise<Ended> {
  const ended = await dpsload(args, { cwd: left, env: environment(groupKey) });
  said.push([args.map((arg) => basename(arg)).join(' '), ended]);
  return ended;
}

const outFolder = (): string => mkdtempSync(join(left, 'out-'));
const service = (): string[] => [
  '--host',
  '127.0.0.1',
  '--port',
  String(emulator.port),
  '--id-scope',
  emulator.idScope,
  '--ca',
  emulator.caFile,
];

/** A run against the emulator, and the results that it left. */
async function run(file: string, groupKey: string | null, ...args: readonly string[]) {
  const out = outFolder();
  const { code } = await say(['run', file, ...service(), '--out', out, '-w', '1', ...args], groupKey);
  const folder = onlyRunFolder(out);
  return { code, folder, results: readResultRows(join(folder, 'registrations.csv')).map(({ result }) => result) };
}

beforeAll(async () => {
  // Its own throw-away CA stands in files as long as it runs: elsewhere.
  emulator = await startEmulatorProgram(['--retry-after', '0'], { DPSLOAD_GROUP_KEY: GROUP_KEY, TMPDIR: root });
});

afterAll(() => emulator.stop());

/** Searched last of all. */
function expectNoLeak(): void {
  const spoken = said.flatMap(([what, { stdout, stderr }]) => leaks(secrets, what, Buffer.from(stdout + stderr)));
  expect([...spoken, ...leaksInFolder(secrets, left)]).toEqual([]);
}

describe('secrets stay where they were', () => {
  it('in runs that succeed and fail, their reports, and what a scraper sees', async () => {
    const deviceRows = IDS.map((id, row) => `${id},${row === 2 ? DEVICE_KEY : derivedKey(GROUP_KEY, id)}`);
    const devices = plant('devices.csv', `registration_id,device_key\n${deviceRows.join('\n')}\n`);
    const keyFile = plant('group.key', `${FILE_KEY}\n`);
    const goodOut = outFolder();
    const good = startDpsload(
      ['run', fleet, ...service(), '--out', goodOut, '--metrics-port', '0', '--rate', '2/s', '-w', '1', '--json'],
      { cwd: left, env: environment(GROUP_KEY) },
    );
    const scraped = good
      .until(({ stderr }) => /metrics: \S+\n/.test(stderr))
      .then(() => fetch(/metrics: (\S+)/.exec(good.stderr())?.[1] ?? ''))
      .then((response) => response.text());
    const [wrong, byDevice, byFile] = await Promise.all([
      run(fleet, WRONG_KEY),
      run(devices, null, '--attestation', 'device-key'),
      run(fleet, null, '--group-key-file', keyFile),
    ]);
    const goodEnd = await good.ended;
    said.push(['metrics', { code: 0, stdout: await scraped, stderr: '' }], ['a scraped run', goodEnd]);
    expect([goodEnd.code, wrong.results]).toEqual([0, Array(3).fill('refused')]);
    expect([byDevice.results, byFile.results]).toEqual([['assigned', 'assigned', 'refused'], Array(3).fill('refused')]);
    const formats = ['text', 'html', 'junit'];
    await Promise.all(formats.map((format) => say(['report', wrong.folder, '--format', format], WRONG_KEY)));
    await say(['report', onlyRunFolder(goodOut), wrong.folder, '--out', join(left, 'merged')], GROUP_KEY);
    expectNoLeak();
    expect(filesBelow(left).map((file) => basename(file))).toEqual(
      expect.arrayContaining(['journal.ndjson', 'run.json', 'registrations.csv', 'report.html', 'latency.hlog']),
    );
  });

  it('in private keys, of an issuer and of devices, good and wrong', async () => {
    const issuer = await authority('Line');
    const device = await deviceCertificate('dev-1', issuer);
    secrets.push(
      pemSecret('the issuer’s key', issuer.privateKeyPem),
      pemSecret('the device’s key', device.privateKeyPem),
    );
    const issuerFiles = [
      '--issuer-cert-file',
      plant('line.pem', issuer.certificatePem),
      '--issuer-key-file',
      plant('line.key', issuer.privateKeyPem),
    ];
    plant('dev-1.pem', device.certificatePem);
    plant('dev-1.key', device.privateKeyPem);
    const rows = plant(
      'x509.csv',
      'registration_id,cert_file,key_file\ndev-1,dev-1.pem,dev-1.key\ndev-2,dev-1.pem,line.key\n',
    );
    const x509 = ['--attestation', 'x509'];
    const embedded = ['run', fleet, '--emulator', '--out', outFolder(), ...x509, ...issuerFiles];
    const [byFiles, byIssuer] = await Promise.all([run(rows, null, ...x509), say(embedded, null)]);
    expect([byFiles.results, byIssuer.code]).toEqual([['refused', 'refused'], 0]);
    expectNoLeak();
  });

  it('in runs that are refused, whatever is wrong with a key or where it stands', async () => {
    const wrongPlaces = plant(
      'wrong-places.csv',
      `registration_id,payload,Note\n${DEVICE_KEY},,\ndev-1,${DEVICE_KEY},\n` +
        `dev-2,,HostName=h;SharedAccessKey=${DEVICE_KEY}\ndev-3,,SharedAccessSignature sr=s&sig=${SIGNATURE}\ndev-4,,\n`,
    );
    const refused = await Promise.all([
      say(['run', wrongPlaces, '--emulator'], GROUP_KEY),
      say(['run', plant('half.csv', `registration_id,device_key\ndev-1,${MALFORMED_KEY}\n`), '--emulator'], GROUP_KEY),
      say(['run', plant('open.csv', `registration_id,device_key\ndev-1,"${DEVICE_KEY}\n`), '--emulator'], GROUP_KEY),
      say(['run', fleet, ...service()], MALFORMED_KEY),
      say(['run', fleet, ...service(), '--group-key-file', plant('half.key', MALFORMED_KEY)], null),
      say(['run', '-s', plant('key.yaml', `version: 1\nattestation: { key: "${FILE_KEY}" }\n`)], GROUP_KEY),
      say(['run', fleet, '--host', '127.0.0.1', '--port', '1', '--id-scope', '0ne00000000'], GROUP_KEY),
    ]);
    expect(refused.map(({ code }) => code)).toEqual([2, 2, 2, 2, 2, 2, 4]);
    const skipping = await say(
      ['run', wrongPlaces, '--emulator', '--on-bad-row', 'skip', '--out', outFolder()],
      GROUP_KEY,
    );
    expect(skipping.code).toBe(0);
    await Promise.all([
      say(['run', fleet, ...service(), '--print-config'], GROUP_KEY),
      say(['run', fleet, ...service(), '--dry-run'], GROUP_KEY),
      say(['check', fleet, ...service(), '--json'], GROUP_KEY),
    ]);
    expectNoLeak();
  });

  it('in a run that is killed, and one whose disk fails', async () => {
    const out = outFolder();
    const args = ['run', fleet, ...service(), '--out', out, '--rate', '6/min', '-w', '1'];
    const killed = startDpsload(args, { cwd: left, env: environment(GROUP_KEY) });
    const journal = (): string =>
      filesBelow(out)
        .filter((file) => file.endsWith('.ndjson'))
        .map((file) => readFileSync(file, 'utf8'))
        .join('');
    await vi.waitUntil(() => journal().includes('"outcome"'), { timeout: 20_000 });
    killed.child.kill('SIGKILL');
    said.push(['a killed run', await killed.ended]);
    await say(['report', onlyRunFolder(out)], GROUP_KEY);
    const failed = await say(['run', fleet, ...service(), '--out', '/proc/none'], GROUP_KEY);
    expect(failed.code).toBe(2);
    expectNoLeak();
    // Node's diagnostic reports and heap snapshots hold the whole environment.
    const names = filesBelow(left).map((file) => basename(file));
    expect(names.filter((name) => /^(report\.\d|core|Heap\.|node\..*)|heapsnapshot$/.test(name))).toEqual([]);
  });

  it('unless the search is blind: what it looks for, it finds', () => {
    for (const { name, forms } of secrets) {
      for (const form of forms) {
        expect(leaks(secrets, 'here', Buffer.concat([Buffer.from('…'), form, Buffer.from('…')]))).toContain(
          `${name} in here`,
        );
      }
    }
    expect(leaks([], 'here', Buffer.from('sr=x&sig=abcdefgh%3D'))).toEqual(['a SAS signature in here']);
  });
});
