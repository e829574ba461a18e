import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { dpsload, type Ended, startDpsload } from '../support/dpsload-program.ts';
import { filesBelow } from '../support/planted-secrets.ts';
import { onlyRunFolder } from '../support/results.ts';
import { DEVICE_KEY, FILE_KEY, GROUP_KEY, MALFORMED_KEY, SIGNATURE, secretSearch } from '../support/secret-search.ts';

const { left, plant, fleet, environment, say, said, outFolder, service, expectNoLeak } = secretSearch();

describe('secrets stay where they were', () => {
  it('where the name of a file belongs, in whatever command', async () => {
    const device = ['sas', '--id-scope', '0ne00111111', '--registration-id', 'dev-1'];
    const config = (keys: string): string =>
      `version: 1\ninstances: [{ idScope: 0ne0000E000, enrollmentGroups: [{ enrollmentGroupId: g, attestation: { symmetricKey: ${keys} } }] }]\n`;
    const inConfig = plant('secret-file-name.yaml', config(`{ primaryKeyFile: "${FILE_KEY}" }`));
    const inFleet = plant('secret-file-names.csv', `registration_id,cert_file,key_file\ndev-1,c.pem,${FILE_KEY}\n`);
    const commands: (readonly string[])[] = [
      [...device, '--group-key-file', FILE_KEY],
      [...device, `--device-key-file=${FILE_KEY}`],
      ['emulator', '--group-key-file', FILE_KEY],
      ['emulator', '--ca-dir', FILE_KEY],
      ['emulator', '-c', FILE_KEY],
      ['emulator', '-c', inConfig],
      ['run', fleet, '--emulator', '-s', FILE_KEY],
      ['run', inFleet, ...service(), '--attestation', 'x509'],
      ['check', FILE_KEY, '--emulator'],
      ['check', fleet, '--emulator', '--enrollment-ca', 'ca.pem', '--enrollment-ca', FILE_KEY],
      ['resume', FILE_KEY],
      ['report', fleet, FILE_KEY, '--out', FILE_KEY],
      ['compare', FILE_KEY, fleet, '--moves', FILE_KEY],
      ['fleet', 'generate', '-n', '1', '-o', FILE_KEY],
      ['certs', 'create', '-o', FILE_KEY],
      ['certs', 'issue', FILE_KEY, '--issuer-key-file', FILE_KEY, '--csv', FILE_KEY],
    ];
    const byVariable = (variable: string, args: readonly string[]): Promise<Ended> =>
      dpsload(args, { cwd: left, env: { ...environment(null), [variable]: FILE_KEY } });
    const refused = await Promise.all([
      ...commands.map((args) => say(args, null)),
      byVariable('DPSLOAD_GROUP_KEY_FILE', device),
      byVariable('DPSLOAD_SCENARIO', ['run', fleet, '--emulator']),
    ]);
    for (const [place, { code, stderr }] of refused.entries()) {
      const what = `command ${place}: ${stderr}`;
      said.push([what, { code, stdout: '', stderr }]);
      expect(stderr, what).toContain('is a secret, not the name of a file');
      expect(code, what).toBe(2);
    }
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
    expect(skipping.code).toBe(3);
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
});
