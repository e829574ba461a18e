import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { authority, deviceCertificate } from '../support/certificates.ts';
import { startDpsload } from '../support/dpsload-program.ts';
import { derivedKey, filesBelow, leaks, pemSecret } from '../support/planted-secrets.ts';
import { onlyRunFolder } from '../support/results.ts';
import { DEVICE_KEY, FILE_KEY, GROUP_KEY, IDS, secretSearch, WRONG_KEY } from '../support/secret-search.ts';

const { secrets, left, plant, fleet, environment, say, said, outFolder, service, run, expectNoLeak } = secretSearch();

describe('secrets stay where they were', () => {
  it('in runs that succeed and fail, their reports, and what a scraper sees', async () => {
    const deviceRows = IDS.map((id, row) => `${id},${row === 2 ? DEVICE_KEY : derivedKey(GROUP_KEY, id)}`);
    const devices = plant('devices.csv', `registration_id,device_key\n${deviceRows.join('\n')}\n`);
    const keyFile = plant('group.key', `${FILE_KEY}\n`);
    const goodOut = outFolder();
    const good = startDpsload(
      [
        'run',
        fleet,
        ...service(),
        '--out',
        goodOut,
        '--metrics-port',
        '0',
        // Long enough to be scraped, though other programs start meanwhile.
        '--rate',
        '30/min',
        '-w',
        '1',
        '--json',
        '--log-file',
        join(left, 'run.log'),
      ],
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
      expect.arrayContaining([
        'journal.ndjson',
        'run.json',
        'registrations.csv',
        'report.html',
        'latency.hlog',
        'run.log',
      ]),
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
