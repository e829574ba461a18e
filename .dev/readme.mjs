// npm run readme: refreshes everything on the pages that the program itself produced: .readme/report-light.png,
// .readme/report-dark.png, .readme/live-view.txt, and each block between <!-- output NAME --> and <!-- /output -->.
// `npm run readme -- NAME …` refreshes those blocks only. Needs tmux and Chromium.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('..', import.meta.url));
const main = join(root, 'dist', 'cli', 'main.js');
const pictures = join(root, '.readme');

const DEVICES = 2_400;
/** Tall enough for the first screen of a report: verdict, thresholds, key figures and cards. */
const PICTURE = { width: 1200, height: 1160 };
const TERMINAL = { columns: 100, rows: 32 };
/** Progress at which the live view is captured: by then it shows everything it can. */
const LIVE_AT_PERCENT = 70;

const PAGES = ['README.md', 'scenarios/README.md', 'results/README.md', 'src/emulator/README.md'];

/** Three hubs of unequal weight, a tight quota, a few seconds of errors, and some devices that are not enrolled. */
const EMULATOR = `version: 1
seed: 1
behavior: { retryAfter: 2s, answerDelay: 120ms, assignmentDelay: 200ms }
instances:
  - idScope: 0ne00111111
    linkedHubs:
      - { hostName: hub-north.azure-devices.net, weight: 2 }
      - { hostName: hub-south.azure-devices.net, weight: 1 }
      - { hostName: hub-west.azure-devices.net, weight: 1 }
    quotas: { register: 900/min, retryAfter: 3s }
    enrollmentGroups:
      - enrollmentGroupId: line-a
        attestation: { symmetricKey: { primaryKeyVariable: DPSLOAD_GROUP_KEY } }
faults:
  - { fault: error-answer, at: [register], errorCode: 500000, share: 30%, retryAfter: 2s, from: 25s, until: 28s }
  - { fault: error-answer, at: [register], errorCode: 404201, registrationIds: '*-00110*' }
`;

const SCENARIO = `version: 1
name: pump-line
target: { emulator: { config: emulator.yaml } }
load: { rate: 40/s, concurrency: 300, governor: on }
allocation:
  policy: weighted
  expected: { hub-north.azure-devices.net: 2, hub-south.azure-devices.net: 1, hub-west.azure-devices.net: 1 }
  tolerance: 5%
thresholds: [p95(service) < 3s, rate(failed) < 0.1%, hub_share("hub-north…") > 45%, registers_per_device < 1.5]
`;

/** The weighted hubs of the emulator, where equal shares are expected: a test that must fail. */
const WRONG_EXPECTATION = `version: 1
target: { emulator: { config: ${join(root, 'scenarios', 'emulator', 'weighted.yaml')}, throwAway: true } }
fleet: { file: ${join(root, 'scenarios', 'policy-fleet.csv')} }
load: { limit: 1000 }
allocation:
  policy: weighted
  expected: { hub-a.azure-devices.net: 1, hub-b.azure-devices.net: 1, hub-c.azure-devices.net: 1 }
  tolerance: 6%
`;

/** A device with two mistakes: it announces no keep-alive, and does not wait for retry-after. */
const HASTY_DEVICE = `
import { readFileSync } from 'node:fs';
import { connectAsync } from '${pathToFileURL(join(root, 'node_modules', 'mqtt', 'build', 'index.js'))}';
import { buildSasToken, deriveDeviceKey } from '${pathToFileURL(join(root, 'dist', 'emulator', 'library.js'))}';
const { DPS_PORT, DPS_ID_SCOPE, DPS_CA_FILE, DPS_GROUP_KEY_FILE } = process.env;
const key = deriveDeviceKey(readFileSync(DPS_GROUP_KEY_FILE, 'utf8').trim(), 'dev-1');
const device = await connectAsync('mqtts://localhost:' + DPS_PORT, {
  ca: readFileSync(DPS_CA_FILE),
  clientId: 'dev-1',
  keepalive: 0,
  username: DPS_ID_SCOPE + '/registrations/dev-1/api-version=2019-03-31&ClientVersion=pump%2F1.0',
  password: buildSasToken(DPS_ID_SCOPE, 'dev-1', key, Math.floor(Date.now() / 1000) + 3600),
});
await device.subscribeAsync('$dps/registrations/res/#', { qos: 1 });
const ask = async (topic, payload) => {
  const answer = new Promise((resolve) => device.once('message', (_, body) => resolve(JSON.parse(body))));
  await device.publishAsync('$dps/registrations/' + topic, payload, { qos: 1 });
  return answer;
};
const { operationId } = await ask('PUT/iotdps-register/?$rid=1', '{"registrationId":"dev-1"}');
await new Promise((resolve) => setTimeout(resolve, 1000));
await ask('GET/iotdps-get-operationstatus/?$rid=2&operationId=' + operationId, '');
await device.endAsync();
`;

/** What each block shows. Lines are chosen by words that name a fact, so a rewording is likely to keep them. */
const OUTPUTS = {
  start: () => upTo(start().stdout, /^throughput/m),
  'start-in-full': () => `$ npm start\n${start().stderr}\n${start().stdout}`,
  'live-view': async () => {
    await showRun();
    await photograph();
    return readFileSync(join(pictures, 'live-view.txt'), 'utf8');
  },
  'scenario-list': () => dpsload('scenario', 'list'),
  'factory-batch': () =>
    `$ dpsload run -s @factory-batch   # excerpt\n${upTo(run('-s', '@factory-batch'), /^throughput/m)}`,
  weighted: () => `$ dpsload run -s @weighted   # excerpt\n${allocationLines(run('-s', '@weighted'))}`,
  'wrong-expectation': () => {
    writeFileSync(inFolder('wrong.yaml'), WRONG_EXPECTATION);
    return allocationLines(run('-s', inFolder('wrong.yaml')));
  },
  'devices-needed': () =>
    `$ dpsload check -s @weighted -n 500   # excerpt\n${chosen(dpsload('check', '-s', '@weighted', '-n', '500'), /^\S+ +allocation/)}`,
  're-provisioning': () =>
    `$ dpsload run -s @re-provisioning   # excerpt\n${chosen(run('-s', '@re-provisioning'), /% moved/)}`,
  regions: () => {
    run('-s', '@lowest-latency');
    const [first] = runFolders();
    const elsewhere = ['--region', 'america', '--local-address', '127.0.0.2', '--exclude', first, '--again'];
    run('-s', '@lowest-latency', ...elsewhere);
    const both = dpsload('report', ...runFolders(), '--out', inFolder('both'));
    return hubsByRegion(both);
  },
  'two-regions': () => {
    const text = run('-s', '@two-regions');
    return `$ dpsload run -s @two-regions   # excerpt\n${chosen(text, /^allocation {2}[a-z]/)}\n${hubsByRegion(text)}`;
  },
  journey: () => {
    const place = ['--quiet', '--out', inFolder('runs')];
    return `$ dpsload journey -s @journey --cleanup\n${dpsload('journey', '-s', '@journey', '--cleanup', ...place)}`;
  },
  trace: () => {
    writeFileSync(inFolder('device.mjs'), HASTY_DEVICE);
    const exec = ['--exec', `'${process.execPath}' '${inFolder('device.mjs')}'`];
    const { stderr } = execute(process.execPath, [main, 'emulator', '--port', '0', '--trace', 'dev-*', ...exec]);
    return `$ dpsload emulator --trace 'dev-*'\n${stderr.slice(stderr.indexOf('dev-1, connection'))}`;
  },
  throughput: () => `$ dpsload run -s @throughput   # excerpt\n${upTo(run('-s', '@throughput'), /^throughput/m)}`,
};

const folder = mkdtempSync(join(tmpdir(), 'dpsload-readme-'));
const inFolder = (name) => join(folder, name);
let started;
const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(OUTPUTS);
try {
  mkdirSync(pictures, { recursive: true });
  for (const name of wanted) {
    console.error(`${name}…`);
    rmSync(inFolder('runs'), { recursive: true, force: true });
    embed(name, await OUTPUTS[name]());
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Replaces the block `name` on every page that has it. */
function embed(name, output) {
  const block = `<!-- output ${name} -->\n\`\`\`\n${output.trim()}\n\`\`\`\n<!-- /output -->`;
  const place = new RegExp(`<!-- output ${name} -->[\\s\\S]*?<!-- /output -->`, 'g');
  const files = PAGES.map((page) => join(root, page)).filter((file) => readFileSync(file, 'utf8').search(place) >= 0);
  if (files.length === 0) throw new Error(`no page has a block for the output ${name}`);
  for (const file of files) {
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace(place, () => block),
    );
  }
}

/** Output of the built program on stdout; a failed threshold or verdict is an output like any other. */
function dpsload(...args) {
  const { status, stdout, stderr } = execute(process.execPath, [main, ...args]);
  if (status !== 0 && status !== 99) throw new Error(`dpsload ${args.join(' ')} ended with ${status}:\n${stderr}`);
  return stdout.replaceAll(`${root}`, '');
}

function run(...args) {
  return dpsload('run', ...args, '--quiet', '--out', inFolder('runs'));
}

function runFolders() {
  return readdirSync(inFolder('runs'))
    .sort()
    .map((name) => join(inFolder('runs'), name));
}

/** Runs `npm start`, once. */
function start() {
  started ??= execute('npm', ['start']);
  const { status, stdout, stderr } = started;
  if (status !== 0) throw new Error(`npm start failed:\n${stdout}${stderr}`);
  return { stdout: stdout.replace(/^\s*> .*\n/gm, '').trim(), stderr: stderr.trim() };
}

function execute(command, args) {
  const { PATH, HOME } = process.env;
  return spawnSync(command, args, { cwd: root, encoding: 'utf8', env: { PATH, HOME, NO_COLOR: '1' } });
}

/** `text` up to the line in which `pattern` is found. */
function upTo(text, pattern) {
  const at = text.search(pattern);
  if (at < 0) throw new Error(`${pattern} is not in:\n${text}`);
  const end = text.indexOf('\n', at);
  return end < 0 ? text : text.slice(0, end);
}

/** The lines of `text` that match. */
function chosen(text, pattern) {
  const lines = text.split('\n').filter((line) => pattern.test(line));
  if (lines.length === 0) throw new Error(`${pattern} is not in:\n${text}`);
  return lines.join('\n');
}

/** The verdict on the allocation policy, and the row of each hub in the table that it was made from. */
function allocationLines(text) {
  return `${chosen(text, /^allocation {2}[a-z]/)}\n${chosen(text, /azure-devices\.net.*% to/)}`;
}

/** The table of hubs and regions, with the verdict on each region. */
function hubsByRegion(text) {
  return upTo(text.slice(text.search(/^hub by region/m)), /\n(?=\n|$)/);
}

/** Runs the fleet in a terminal, and captures the live view on the way. */
async function showRun() {
  const ids = Array.from({ length: DEVICES }, (_, row) => `pump-${String(row + 1).padStart(6, '0')}\n`);
  writeFileSync(inFolder('pumps.csv'), `registration_id\n${ids.join('')}`);
  writeFileSync(inFolder('emulator.yaml'), EMULATOR);
  writeFileSync(inFolder('scenario.yaml'), SCENARIO);
  const command = [process.execPath, main, 'run', 'pumps.csv', '-s', 'scenario.yaml', '--out', 'out'];
  const key = Buffer.alloc(32, 7).toString('base64');
  const { PATH } = process.env;
  const line = ['env', '-i', `PATH=${PATH}`, 'TERM=screen', 'NO_COLOR=1', `DPSLOAD_GROUP_KEY=${key}`, ...command];
  const size = ['-x', String(TERMINAL.columns), '-y', String(TERMINAL.rows)];
  tmux('new-session', '-d', ...size, '-c', folder, `${line.map(quoted).join(' ')}; touch ended; sleep 600`);
  try {
    let screen = '';
    while (Number(/([\d.]+)% {3}elapsed/.exec(screen)?.[1] ?? 0) < LIVE_AT_PERCENT) {
      if (readdirSync(folder).includes('ended'))
        throw new Error(`the run ended before the live view was captured:\n${tmux('capture-pane', '-p', '-S', '-')}`);
      await sleep(250);
      screen = tmux('capture-pane', '-p');
    }
    writeFileSync(join(pictures, 'live-view.txt'), `${screen.trimEnd()}\n`);
    while (!readdirSync(folder).includes('ended')) await sleep(250);
  } finally {
    tmux('kill-server');
  }
}

/** Takes a picture of the run's report in a browser. */
async function photograph() {
  const [run = ''] = readdirSync(inFolder('out'));
  const page = pathToFileURL(join(inFolder('out'), run, 'report.html')).href;
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args });
  try {
    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
      const view = await browser.newPage({ viewport: PICTURE, colorScheme });
      await view.goto(page);
      await view.screenshot({ path: join(pictures, `report-${colorScheme}.png`) });
    }
  } finally {
    await browser.close();
  }
}

function tmux(...args) {
  return execFileSync('tmux', ['-L', `dpsload-readme-${process.pid}`, '-f', '/dev/null', ...args], {
    encoding: 'utf8',
  });
}

function quoted(word) {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
