import { expect, it } from 'vitest';
import { runAgainstHostileServer } from '../fuzz/hostile-run.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SEED = Number(process.env['DPSLOAD_FUZZ_SEED'] ?? 20_260_101);
const folder = temporaryFolder();

it(`a hostile server ends 60 registrations, and nothing else, seed ${SEED}`, async () => {
  const { violations, counts } = await runAgainstHostileServer(folder, SEED, 60);
  expect(violations).toEqual([]);
  // What many devices meet. Chance and the order of connections decide on the rest, which the long test sees.
  const common = ['assigned', 'disconnected', 'protocol-error'];
  expect(Object.keys(counts)).toEqual(expect.arrayContaining(common));
});
