import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dpsload, type EmulatorProgram, startEmulatorProgram } from '../support/dpsload-program.ts';
import { GROUP_KEY_ENV } from '../support/group-key.ts';
import { onlyRunFolder } from '../support/results.ts';
import { targetArgs } from '../support/target-args.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

function fleetFile(name: string, rows: number): string {
  const file = join(folder, `${name}.csv`);
  writeFileSync(file, `registration_id\n${Array.from({ length: rows }, (_, row) => `${name}-${row}\n`).join('')}`);
  return file;
}

let emulator: EmulatorProgram;
beforeAll(async () => {
  emulator = await startEmulatorProgram(['--retry-after', '0'], GROUP_KEY_ENV);
});
afterAll(() => emulator.stop());

const runArgs = (fleet: string, host = '127.0.0.1'): string[] => [
  ...['run', fleet, ...targetArgs(emulator, host), '--quiet', '-w', '1', '--out', `${fleet}-out`],
];

/** Lets connections through to `port` once so many of them wait: all programs have looked for earlier runs by then. */
function gateTo(port: number, connections: number): Promise<Server> {
  const waiting: Socket[] = [];
  let passed = 0;
  const server = createServer((socket) => {
    waiting.push(socket);
    if (passed + waiting.length < connections) return;
    for (const each of waiting.splice(0)) {
      const through = connect(port, '127.0.0.1');
      for (const end of [each, through]) end.on('error', () => {});
      each.pipe(through).pipe(each);
      passed += 1;
    }
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

describe('a fleet that was registered before is refused', () => {
  it('also with the rows that a resumed run took beside those of its first session, and without them', async () => {
    const fleet = fleetFile('longer', 4);
    const [short, added] = [readFileSync(fleet, 'utf8'), 'longer-added\n'];
    expect((await dpsload([...runArgs(fleet), '--limit', '2'], { env: GROUP_KEY_ENV })).code).toBe(0);
    const run = onlyRunFolder(`${fleet}-out`);
    appendFileSync(fleet, added);
    const resumed = await dpsload(['resume', run, '--added-rows', 'register', '--limit', '5', '--quiet'], {
      env: GROUP_KEY_ENV,
    });
    expect(resumed.code).toBe(0);
    for (const text of [short + added, short]) {
      writeFileSync(fleet, text);
      const { code, stderr } = await dpsload(runArgs(fleet), { env: GROUP_KEY_ENV });
      expect(stderr).toContain(`: ${run}. Continue that run`);
      expect(code).toBe(2);
    }
    expect(onlyRunFolder(`${fleet}-out`)).toBe(run);
  });

  it('also under the name of its host in capital letters', async () => {
    const fleet = fleetFile('host', 2);
    expect((await dpsload(runArgs(fleet, 'localhost'), { env: GROUP_KEY_ENV })).code).toBe(0);
    const { code, stderr } = await dpsload(runArgs(fleet, 'LOCALHOST'), { env: GROUP_KEY_ENV });
    expect(stderr).toContain(`: ${onlyRunFolder(`${fleet}-out`)}. Continue that run`);
    expect(code).toBe(2);
  });

  it('also by one of two runs that are started together, which leaves nothing behind', async () => {
    const fleet = fleetFile('twins', 2);
    const gate = await gateTo(emulator.port, 2);
    const port = String((gate.address() as AddressInfo).port);
    const ended = await Promise.all(
      [1, 2].map(() => dpsload([...runArgs(fleet), '--port', port], { env: GROUP_KEY_ENV })),
    );
    gate.close();
    const refused = ended.filter(({ code }) => code === 2);
    // It may be that each saw the other.
    expect(refused.length).toBeGreaterThanOrEqual(1);
    for (const { stderr } of refused) expect(stderr).toContain('another run of this fleet');
    expect(readdirSync(`${fleet}-out`)).toHaveLength(2 - refused.length);
  });

  it('also with --dry-run', async () => {
    const fleet = fleetFile('planned', 2);
    const args = runArgs(fleet);
    expect((await dpsload([...args, '--dry-run'], { env: GROUP_KEY_ENV })).code).toBe(0);
    expect((await dpsload(args, { env: GROUP_KEY_ENV })).code).toBe(0);
    const { code, stdout, stderr } = await dpsload([...args, '--dry-run'], { env: GROUP_KEY_ENV });
    expect(stderr).toMatch(/^this fleet has already been registered with .*: /);
    expect([code, stdout]).toEqual([2, '']);
    expect((await dpsload([...args, '--dry-run', '--again'], { env: GROUP_KEY_ENV })).stdout).toContain('2 rows');
  });

  it('but not with the embedded emulator, which is new in every run', async () => {
    const fleet = fleetFile('emulated', 2);
    const args = ['run', fleet, '--emulator', '--quiet', '--out', `${fleet}-out`];
    for (const more of [[], [], ['--dry-run']])
      expect((await dpsload([...args, ...more], { env: GROUP_KEY_ENV })).code).toBe(0);
    expect(readdirSync(`${fleet}-out`)).toHaveLength(2);
  });
});
