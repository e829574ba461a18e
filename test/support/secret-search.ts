import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { dpsload, type EmulatorProgram, type Ended, startEmulatorProgram } from './dpsload-program.ts';
import { derivedKey, keySecret, leaks, leaksInFolder, type PlantedSecret, textSecret } from './planted-secrets.ts';
import { onlyRunFolder, readResultRows } from './results.ts';
import { targetArgs } from './target-args.ts';
import { temporaryFolder } from './temporary-folder.ts';

const key = (text: string): string => Buffer.from(text.padEnd(40, '+')).toString('base64');
export const GROUP_KEY = key('the-key-of-the-enrollment-group>>>');
export const WRONG_KEY = key('a-key-of-another-group???');
export const FILE_KEY = key('a-group-key-that-stands-in-a-file');
export const DEVICE_KEY = key('a-device-key-that-is-wrong');
export const MALFORMED_KEY = 'half-a-key-that-is-not-base64!';
export const SIGNATURE = 'uTw0nT3rGmJXc5ItmxEgo7K8nYbvZDkP';
const UNRELATED = 'a-token-of-some-other-program';
export const IDS = ['dev-1', 'dev-2', 'dev-3'];

const KEYS: readonly PlantedSecret[] = [
  ...Object.entries({ GROUP_KEY, WRONG_KEY, FILE_KEY, DEVICE_KEY }).map(([name, value]) => keySecret(name, value)),
  ...IDS.map((id) => keySecret(`the derived key of ${id}`, derivedKey(GROUP_KEY, id))),
  textSecret('a malformed key', MALFORMED_KEY),
  textSecret('a signature', SIGNATURE),
  textSecret('the environment', UNRELATED),
];

/** Plants keys wherever an operator may put them, runs the program, and searches all that it says and leaves. Call it once in a test file. */
export function secretSearch() {
  const root = temporaryFolder();
  /** What is planted, by the operator, beside what is searched. */
  const given = join(root, 'given');
  /** Working folder of every program, and its folder for temporary files: all that is left there is searched. */
  const left = join(root, 'left');
  const temporary = join(left, 'tmp');
  for (const folder of [given, temporary]) mkdirSync(folder, { recursive: true });

  const secrets = [...KEYS];

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
  const service = (): readonly string[] => targetArgs(emulator);

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

  return { secrets, left, plant, fleet, environment, say, said, outFolder, service, run, expectNoLeak };
}
