import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REGISTRATION_RESULTS } from '../../src/registration/registration-outcome.ts';
import { dpsScript } from '../support/dps-script.ts';
import { dpsload } from '../support/dpsload-program.ts';
import { GROUP_KEY, ID_SCOPE } from '../support/emulated-instance.ts';
import { onlyRunFolder, type ResultRow, readResultRows } from '../support/results.ts';
import { startScriptedMqttServer } from '../support/scripted-mqtt-server.ts';
import { targetArgs } from '../support/target-args.ts';
import { createTestCa } from '../support/test-certificates.ts';
import { hostileScript } from './hostile-server.ts';
import { SeededRandom } from './seeded-random.ts';

export type HostileRun = {
  /** What must not be, with the seed that shows it again. */
  readonly violations: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
};

/** Every limit is met soon; a device is settled in seconds. */
const REGISTRATION = {
  attempts: 3,
  requestRetries: 1,
  polls: 3,
  connectTimeout: '5s',
  responseTimeout: '500ms',
  retryAfterMax: '200ms',
  pollDelay: '20ms',
  pollDelayMin: '20ms',
  retryDelayBase: '20ms',
  retryDelayMax: '100ms',
  conflictDelayMin: '20ms',
  conflictDelayMax: '50ms',
  deadline: '15s',
};

/** Lets the built program, with its real workers, register a fleet with a hostile server. */
export async function runAgainstHostileServer(folder: string, seed: number, devices: number): Promise<HostileRun> {
  const random = new SeededRandom(seed);
  const ca = await createTestCa();
  const hostile = hostileScript(random);
  const polite = dpsScript();
  let connections = 0;
  const server = await startScriptedMqttServer({
    certificate: await ca.issue(),
    record: false,
    // The first connection is the preflight's.
    script: (peer) => (connections++ === 0 ? polite : hostile)(peer),
  });
  try {
    const file = (name: string): string => join(folder, `${seed}-${name}`);
    const ids = Array.from({ length: devices }, (_, n) => `dev-${n}`);
    writeFileSync(file('ca.pem'), ca.certPem);
    writeFileSync(file('fleet.csv'), ['registration_id', ...ids].join('\n'));
    writeFileSync(file('scenario.yaml'), JSON.stringify({ version: 1, registration: REGISTRATION }));
    const { code, stdout, stderr } = await dpsload(
      [
        ...['run', file('fleet.csv'), '-s', file('scenario.yaml'), '--out', file('out'), '-c', '100', '-w', '2'],
        ...targetArgs({ port: server.port, idScope: ID_SCOPE, caFile: file('ca.pem') }),
      ],
      { env: { DPSLOAD_GROUP_KEY: GROUP_KEY } },
    );
    const rows = code === 0 || code === 3 ? readResultRows(join(onlyRunFolder(file('out')), 'registrations.csv')) : [];
    const violations = [...endViolations(code, stdout, stderr), ...rowViolations(rows, ids)];
    return { violations: violations.map((text) => `seed ${seed}: ${text}`), counts: countsOf(rows) };
  } finally {
    await server.close();
  }
}

function endViolations(code: number | null, stdout: string, stderr: string): readonly string[] {
  const violations: string[] = [];
  if (code !== 3) violations.push(`ended with ${code}: ${stderr.slice(-2_000)}`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(stdout + stderr))
    violations.push('control characters on the terminal');
  return violations;
}

function rowViolations(rows: readonly ResultRow[], ids: readonly string[]): readonly string[] {
  const settled: readonly string[] = REGISTRATION_RESULTS.slice(0, 7);
  const violations = rows.flatMap((row) => {
    const { registration_id: id, result = '', error_code: errorCode } = row;
    const isAssigned = result === 'assigned';
    if (!settled.includes(result)) return [`${id} ended as ${result}`];
    if (isAssigned !== (errorCode === '')) return [`${id} is ${result} with error ${errorCode}`];
    return isAssigned && row['assigned_hub'] !== 'hub.azure-devices.net' ? [`${id} is at ${row['assigned_hub']}`] : [];
  });
  const names = rows.map((row) => row['registration_id']);
  if (names.join() !== ids.join()) violations.push(`${names.length} rows for ${ids.length} devices`);
  return violations;
}

function countsOf(rows: readonly ResultRow[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { result = '', error_code: code } of rows) {
    for (const name of [result, ...(code ? [code] : [])]) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
