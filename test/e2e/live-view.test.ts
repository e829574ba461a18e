import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { dpsload } from '../support/dpsload-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { HAS_TMUX, TmuxTerminal } from '../support/tmux.ts';
import { viewedEmulator } from '../support/viewed-emulator.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const KEY = Buffer.alloc(32, 7).toString('base64');
const DEVICES = 220;
const LOGGED = /^(?:metrics: http\S+|in flight at most 200: the rate × 10 s)$/;

const folder = temporaryFolder();
const path = (name: string): string => join(folder, name);

function fleetOf(name: string, devices: number): string {
  const lineOf = (row: number): string => `dev-${row},hub-${row % 2 ? 'a' : 'b'}.azure-devices.net\n`;
  writeFileSync(
    path(name),
    `registration_id,expected_hub\n${Array.from({ length: devices }, (_, row) => lineOf(row)).join('')}`,
  );
  return path(name);
}

const FLEET = fleetOf('fleet.csv', DEVICES);
/** For runs that are stopped once they have been seen, however long a busy machine takes for that. */
const LONG_FLEET = fleetOf('long-fleet.csv', 1_000);

const FAILS = "{ fault: fail-assignment, errorCode: 400207, registrationIds: 'dev-*0' }";
/** So that some are in progress for seconds when a run is stopped. */
const LINGERS = "{ fault: retry-after, at: [register], value: '6', registrationIds: 'dev-*7' }";
writeFileSync(path('emulator.yaml'), viewedEmulator('0ms', `[${FAILS}]`));
writeFileSync(path('lingering.yaml'), viewedEmulator('0ms', `[${FAILS}, ${LINGERS}]`));

const LOAD = ['--rate', '20/s', '-w', '1', '--again'];
const OPTIONS = ['--emulator', '--emulator-config', path('emulator.yaml'), ...LOAD];

const terminals: TmuxTerminal[] = [];
afterAll(() => {
  for (const terminal of terminals) terminal.close();
});

function runIn(
  columns: number,
  rows: number,
  name: string,
  environment: Readonly<Record<string, string>> = {},
  options: readonly string[] = [],
): TmuxTerminal {
  const command = [
    process.execPath,
    MAIN,
    'run',
    LONG_FLEET,
    ...['--emulator', '--emulator-config', path('lingering.yaml'), ...LOAD],
    '--metrics-port',
    '0',
    '--out',
    path(name),
    ...options,
  ];
  const terminal = new TmuxTerminal(columns, rows, command, { TERM: 'screen', DPSLOAD_GROUP_KEY: KEY, ...environment });
  terminals.push(terminal);
  return terminal;
}

/** What stands on the screen once everything has been seen, line by line. */
const SEEN = [
  LOGGED,
  /^EMULATOR, ID scope 0ne00111111$/,
  /^(running|canary: \d of \d devices? ended) {3}.*Ctrl-C stops, resumable$/,
  /^█*░* {3}\d+\/1,000 {3}\d+\.\d% {3}elapsed [\d.]+ s {3}ETA (?:\d+ to )?[\d.]+ s$/,
  /^in flight \d+ {3}launched \d+\/s of 20\.0\/s {3}ended \d+\/s {3}throttles 0 {3}retries 0/,
  /^ms {13}p50 {6}p95 {6}p99 {6}max$/,
  /^tls( +[\d.,]+){4}$/,
  /^accepted( +[\d.,]+){4}$/,
  /^assigned( +[\d.,]+){4}$/,
  /^service( +[\d.,]+){4}$/,
  /^response( +[\d.,]+){4}$/,
  /^hub-a\.azure-devices\.net {3}[█░│]+ {3} *\d+ {3} *\d+\.\d% {3}expected \d+\.\d%$/,
  /^hub-b\.azure-devices\.net {3}[█░│]+ {3} *\d+ {3} *\d+\.\d% {3}expected \d+\.\d%$/,
  /^400207 +\d+( +\+\d+ in 10 s)? +\S/,
  /^health {3}.*loop delay [\d.]+ ms/,
];

/** Each of the patterns is that of one line, in their order. */
function isSeen(screen: string, patterns: readonly RegExp[] = SEEN): boolean {
  const lines = screen.split('\n');
  const places = patterns.map((pattern) => lines.findIndex((line) => pattern.test(line)));
  return places.every((place, index) => place > (places[index - 1] ?? -1));
}

/** In seconds; -1 = it is not there. */
function elapsedOn(screen: string): number {
  return Number([...screen.matchAll(/elapsed ([\d.]+) s/g)].at(-1)?.[1] ?? -1);
}

const SIZES = [
  [50, 20],
  [120, 30],
  [80, 24],
] as const;

/**
 * From the last head line on, nothing of another frame. (Above it, a terminal that was made too low for the frame, and then
 * higher, shows again what it had scrolled away.)
 */
function expectWhole(screen: string): void {
  const lines = screen.slice(screen.lastIndexOf('EMULATOR, ID scope')).split('\n');
  for (const once of [/EMULATOR, ID scope/, /elapsed/, /in flight/, /^health/, /^service/]) {
    expect(lines.filter((line) => once.test(line)).length, screen).toBe(1);
  }
}

describe.skipIf(!HAS_TMUX).concurrent('on a terminal (needs tmux)', () => {
  it('of 80×24 that is resized, the view stays whole, is drawn at most four times a second, and leaves the summary', async () => {
    const terminal = runIn(80, 24, 'small');
    const startedAtMs = performance.now();
    terminal.record(path('written'));
    let screen = await terminal.until(isSeen);
    expectWhole(screen);
    for (const [columns, rows] of SIZES) {
      const before = elapsedOn(screen);
      terminal.resize(columns, rows);
      screen = await terminal.until((seen) => elapsedOn(seen) > before + 0.5 && /^health/m.test(seen));
      expectWhole(screen);
      expect(Math.max(...screen.split('\n').map((line) => line.length))).toBeLessThanOrEqual(columns);
    }
    expect(terminal.coloredScreen()).toContain('\u001b[1mEMULATOR');
    terminal.press('C-c');
    const stopping = await terminal.until((seen) =>
      /^stopping: waiting for .*Ctrl-C again stops immediately$/m.test(seen),
    );
    expect(stopping).toMatch(/Stopping \(interrupted\)\. Waiting for (\d+ )?registrations? in progress/);
    expectWhole(stopping);
    const frames = readFileSync(path('written'), 'utf8').match(/EMULATOR, ID scope/g)?.length ?? 0;
    expect(frames).toBeLessThanOrEqual(((performance.now() - startedAtMs) / 1000) * 4 + 5);
    const end = await terminal.ended();
    expect(end).toMatch(/\nended with 130$/);
    expect(
      end
        .slice(end.lastIndexOf('Stopping ('))
        .split('\n')
        .filter((line) => /elapsed|health/.test(line)),
    ).toEqual([]);
    expect(end).toMatch(/^target +EMULATOR, ID scope 0ne00111111$/m);
    expect(end).toMatch(/^verdict +stopped \(interrupted\)/m);
  });

  it('of 200×60 without colours, the last minute and every phase are there too', async () => {
    const terminal = runIn(200, 60, 'large', { NO_COLOR: '1' });
    const more = [/^launched +[▁▂▃▄▅▆▇█ ]+ {3}max \d+\/s$/, /^ended +[▁▂▃▄▅▆▇█ ]+ {3}max \d+\/s$/];
    const phases = [/^tcp/, /^tls/, /^connack/, /^suback/, /^accepted/, /^assigned/, /^service/, /^response/];
    const screen = await terminal.until((seen) => isSeen(seen) && isSeen(seen, [...more, ...phases, /^hub-a/]));
    expectWhole(screen);
    expect(terminal.coloredScreen()).not.toContain('\u001b[');
    terminal.press('C-c');
    await terminal.ended();
  });
});

const LINE =
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {2}([\d.]+) s: {2}(?:running|draining|ended) {2}\d+\/220 \(\d+\.\d%\) {2}in flight \d+ {2}launched \d+\/s(?: of 20\.0\/s)? {2}ended \d+\/s {2}throttles 0 {2}failed \d+ {2}(accepted p50 [\d.,]+ ms p95 [\d.,]+ ms {2})?ETA ((?:\d+ to )?[\d.]+ s|–)$/;

/** From 10 s on, when the machine gets to it, and at the end. */
function expectPlainLines(lines: readonly string[]): void {
  const seconds = lines.flatMap((line) => LINE.exec(line)?.[1] ?? []).map(Number);
  expect(seconds.length, lines.join('\n')).toBeGreaterThanOrEqual(2);
  expect(seconds[0]).toBeGreaterThanOrEqual(10);
  expect(lines.some((line) => /220\/220 \(100\.0%\) .* ETA 0\.0 s$/.test(line))).toBe(true);
}

it.concurrent('in a pipe there are plain lines, ten seconds apart, and nothing else but what is logged', async () => {
  const args = ['run', FLEET, ...OPTIONS, '--metrics-port', '0', '--out', path('pipe')];
  const { stdout, stderr } = await dpsload(args, { env: { DPSLOAD_GROUP_KEY: KEY } });
  const lines = stderr.trimEnd().split('\n');
  expectPlainLines(lines);
  // A machine that stands still for two seconds is said to.
  expect(lines.filter((line) => !LINE.test(line) && !/This process was suspended/.test(line))).toEqual([
    expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {2}in flight at most 200: the rate × 10 s$/),
    expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {2}metrics: http\S+$/),
    expect.stringMatching(/^results: /),
    expect.stringMatching(/^report: .*report\.html$/),
    expect.stringMatching(/^SHA256SUMS: [0-9a-f]{64}$/),
    'verdict: 198 of 220 devices assigned; 22 failed; exit code 3',
  ]);
  expect(stdout + stderr).not.toContain('\u001b');
});

it.concurrent('after a resume, the whole run is counted, and the log file has both sessions', async () => {
  const [out, log] = [path('resumed'), path('run.log')];
  const options = ['--log-file', log, '--out', out, '--limit', '100', '-w', '1', '--again'];
  const config = ['--emulator', '--emulator-config', path('emulator.yaml')];
  const env = { DPSLOAD_GROUP_KEY: KEY };
  await dpsload(['run', FLEET, ...config, ...options, '--quiet'], { env });
  const { stderr } = await dpsload(['resume', '--last', '--out', out, '--limit', '220'], { env });
  // Ten per cent fail, and are not repeated.
  expect(stderr).toMatch(/Z {2}[\d.]+ s: {2}ended {2}220\/220 \(100\.0%, 100 before\) .* failed 22 /);
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  expect(lines.filter((line) => !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {2}\S/.test(line))).toEqual([]);
  expect(lines.filter((line) => line.includes('  session '))).toEqual([
    expect.stringContaining('session begins: EMULATOR, ID scope 0ne00111111, 100 registrations to do'),
    expect.stringMatching(/session ended: limit, results in \S+$/),
    expect.stringMatching(/session begins: .*, 120 registrations to do, 100 settled by earlier sessions$/),
    expect.stringMatching(/session ended: completed, results in \S+$/),
  ]);
  expect(lines.some((line) => line.includes('ended  100/100 (100.0%)'))).toBe(true);
  expect(statSync(log).mode & 0o777).toBe(0o600);
});

it.concurrent('a log file that cannot be written is one warning, and the run continues', async () => {
  const args = ['run', FLEET, '--emulator', '--limit', '20', '--again', '--log-file', folder, '--quiet'];
  const { code, stderr } = await dpsload([...args, '--out', path('unlogged')]);
  expect(code).toBe(0);
  expect(stderr.match(/warning: cannot write the log file/g)).toHaveLength(1);
});
