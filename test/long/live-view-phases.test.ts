import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { HAS_TMUX, TmuxTerminal } from '../support/tmux.ts';
import { viewedEmulator } from '../support/viewed-emulator.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const KEY = Buffer.alloc(32, 7).toString('base64');
const folder = temporaryFolder();
const path = (name: string): string => join(folder, name);

it.skipIf(!HAS_TMUX)(
  'of 80×24, canary, outage and drain are told apart, and no ETA is promised during the outage (needs tmux)',
  async () => {
    writeFileSync(
      path('fleet.csv'),
      `registration_id\n${Array.from({ length: 220 }, (_, row) => `dev-${row}\n`).join('')}`,
    );
    writeFileSync(path('outage.yaml'), viewedEmulator('1500ms', '[{ fault: outage, from: 8s, until: 14s }]'));
    const run = [MAIN, 'run', path('fleet.csv'), '--emulator', '--emulator-config', path('outage.yaml')];
    const options = ['--rate', '20/s', '-w', '1', '--canary', '3', '--out', path('out')];
    const environment = { TERM: 'screen', DPSLOAD_GROUP_KEY: KEY };
    const terminal = new TmuxTerminal(80, 24, [process.execPath, ...run, ...options], environment);
    try {
      const phase = (pattern: RegExp): Promise<string> => terminal.until((seen) => pattern.test(seen));
      await phase(/^canary: \d of 3 devices ended {3}the rest start once all are assigned\nCtrl-C stops, resumable$/m);
      const outage = await phase(
        /^outage: no response for [\d.]+ s {3}[1-9]\d* registrations? held {3}Ctrl-C stops, resumable$/m,
      );
      expect(outage).toMatch(/elapsed [\d.]+ s {3}ETA –$/m);
      await phase(/^running {3}Ctrl-C stops, resumable$/m);
      await phase(/^draining: all launched {3}waiting for \d+ registrations? {3}Ctrl-C stops, resumable$/m);
      expect(await terminal.ended()).toMatch(/\nended with [03]$/);
    } finally {
      terminal.close();
    }
  },
);
