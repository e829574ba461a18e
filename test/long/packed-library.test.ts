import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const folder = temporaryFolder();

/** What somebody else's test could look like; it must compile without this project's settings. */
const CONSUMER = `
import { type Conversation, defaultInstance, type Emulator, type FindingCode, type FaultRule, type RecordLine, startEmulator } from 'dpsload/emulator';
const rule: FaultRule = {
  fault: { kind: 'lose-answer' }, points: ['poll'], registrationIds: null, share: 1, fromMs: 0, untilMs: null, timesPerDevice: 1,
};
const groupKey = Buffer.alloc(32, 1).toString('base64');
const emulator: Emulator = await startEmulator({ instances: [defaultInstance('0ne00111111', groupKey)], faults: [rule] });
const codes: FindingCode[] = [];
emulator.events.on('finding', ({ finding }) => codes.push(finding.code));
const conversation: Conversation | null = emulator.conversation('dev-1');
if (conversation !== null) throw new Error('nobody has connected');
const records: RecordLine[] = [...emulator.records()];
process.stdout.write(JSON.stringify({ port: emulator.port, records, ca: emulator.caPem.slice(0, 27) }));
await emulator.close();
// @ts-expect-error the types are not any
void (() => startEmulator({ instances: 7 }));
`;

it('the packed package has a library that compiles and runs elsewhere', () => {
  const [{ filename }] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
      cwd: ROOT,
      encoding: 'utf8',
    }),
  );
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, 'dpsload'), { recursive: true });
  execFileSync('tar', ['-xzf', join(folder, filename), '-C', join(modules, 'dpsload'), '--strip-components', '1']);
  // Its dependencies, as an installation would bring them.
  symlinkSync(join(ROOT, 'node_modules'), join(modules, 'dpsload', 'node_modules'));
  symlinkSync(join(ROOT, 'node_modules', '@types'), join(modules, '@types'));
  writeFileSync(join(folder, 'consumer.mts'), CONSUMER);
  const options = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node'];
  execFileSync(join(ROOT, 'node_modules', '.bin', 'tsc'), [...options, 'consumer.mts'], { cwd: folder });
  const output = execFileSync(process.execPath, ['consumer.mjs'], { cwd: folder, encoding: 'utf8' });
  expect(JSON.parse(output)).toEqual({ port: expect.any(Number), records: [], ca: '-----BEGIN CERTIFICATE-----' });
});
