// npm run readme: makes what README.md shows of the program's own output again: .readme/report-light.png, .readme/report-dark.png,
// .readme/live-view.txt, and what `npm start` prints, between its marks. Needs tmux and chromium.
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
/** As high as its first screen: verdict, thresholds, key figures and cards. */
const PICTURE = { width: 1200, height: 1160 };
const TERMINAL = { columns: 100, rows: 32 };
/** Of the run, in per cent done: everything that can be seen is there by then. */
const LIVE_AT_PERCENT = 70;

/** A service with two hubs of unequal weight, a tight quota, a bad moment, and some devices that it does not know. */
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

const folder = mkdtempSync(join(tmpdir(), 'dpsload-readme-'));
const inFolder = (name) => join(folder, name);
try {
  mkdirSync(pictures, { recursive: true });
  await showRun();
  await photograph();
  showStart();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Runs the fleet in a terminal, and keeps what is seen on the way. */
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
        throw new Error(`the run ended too soon:\n${tmux('capture-pane', '-p', '-S', '-')}`);
      await sleep(250);
      screen = tmux('capture-pane', '-p');
    }
    writeFileSync(join(pictures, 'live-view.txt'), `${screen.trimEnd()}\n`);
    while (!readdirSync(folder).includes('ended')) await sleep(250);
  } finally {
    tmux('kill-server');
  }
}

/** The report of the run, as a browser shows it. */
async function photograph() {
  const [run = ''] = readdirSync(inFolder('out'));
  const page = pathToFileURL(join(inFolder('out'), run, 'report.html')).href;
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args });
  try {
    for (const colorScheme of ['light', 'dark']) {
      const view = await browser.newPage({ viewport: PICTURE, colorScheme });
      await view.goto(page);
      await view.screenshot({ path: join(pictures, `report-${colorScheme}.png`) });
    }
  } finally {
    await browser.close();
  }
}

/** What `npm start` prints, into README.md. */
function showStart() {
  const { PATH, HOME } = process.env;
  const { status, stdout, stderr } = spawnSync('npm', ['start'], {
    cwd: root,
    encoding: 'utf8',
    env: { PATH, HOME, NO_COLOR: '1' },
  });
  if (status !== 0) throw new Error(`npm start failed:\n${stdout}${stderr}`);
  const said = `${stderr.trim()}\n${stdout.replace(/^\s*> .*\n/gm, '').trim()}`;
  const readme = join(root, 'README.md');
  const block = `<!-- npm-start -->\n\`\`\`\n${said}\n\`\`\`\n<!-- /npm-start -->`;
  const text = readFileSync(readme, 'utf8');
  writeFileSync(
    readme,
    text.replace(/<!-- npm-start -->[\s\S]*<!-- \/npm-start -->/, () => block),
  );
}

function tmux(...args) {
  return execFileSync('tmux', ['-L', `dpsload-readme-${process.pid}`, '-f', '/dev/null', ...args], {
    encoding: 'utf8',
  });
}

function quoted(word) {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
