import { expect, it } from 'vitest';
import { StateKills } from '../support/state-kills.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** `STATE_KILLS=500 STATE_SEED=3 npm run test:long emulator-state`. */
const KILLS = Number(process.env['STATE_KILLS'] ?? 100);
const SEED = Number(process.env['STATE_SEED'] ?? 1);

const folder = temporaryFolder();

it(`an emulator with --state loses nothing that it acknowledged in ${KILLS} kills, seed ${SEED}`, async () => {
  const kills = new StateKills(folder, SEED);
  for (let round = 0; round < KILLS; round += 1) await kills.round(round);
  const { files, ...tally } = kills.tally;
  const { tally: ofOthers } = kills.load;
  process.stdout.write(`${JSON.stringify({ ...tally, ...ofOthers, files: files.size }, null, 2)}\n`);
  expect(tally).toMatchObject({ kills: KILLS, registersLost: 0, operationsLost: 0, surplus: 0, identitiesLost: 0 });
  expect(ofOthers).toMatchObject({ enrollmentsLost: 0, twinsLost: 0 });
  expect(ofOthers.enrollmentsAcknowledged).toBeGreaterThan(KILLS);
  expect(ofOthers.twinsAcknowledged).toBeGreaterThan(KILLS);
  expect(tally.acknowledged).toBeGreaterThan(10 * KILLS);
  expect(tally.powerCuts).toBeGreaterThan(0);
}, 3_600_000);
