import { expect, it } from 'vitest';
import { runAgainstHostileServer } from '../fuzz/hostile-run.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SEED = Number(process.env['DPSLOAD_FUZZ_SEED'] ?? 20_260_101);
const folder = temporaryFolder();

it(`a hostile server ends 160 registrations, and nothing else, seed ${SEED}`, async () => {
  const { violations, counts } = await runAgainstHostileServer(folder, SEED, 160);
  expect(violations).toEqual([]);
  const seen = Object.keys(counts);
  expect(seen).toEqual(expect.arrayContaining(['assigned', 'failed', 'refused', 'disconnected', 'timed-out']));
  expect(seen).toEqual(expect.arrayContaining(['protocol-error', 'tcp-reset']));
});
