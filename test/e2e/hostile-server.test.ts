import { expect, it } from 'vitest';
import { runAgainstHostileServer } from '../fuzz/hostile-run.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SEED = Number(process.env['DPSLOAD_FUZZ_SEED'] ?? 20_260_101);
const folder = temporaryFolder();

it(`a hostile server ends 400 registrations, and nothing else, seed ${SEED}`, async () => {
  const { violations, counts } = await runAgainstHostileServer(folder, SEED, 400);
  expect(violations).toEqual([]);
  for (const result of ['assigned', 'failed', 'refused', 'disconnected', 'disabled']) {
    expect(counts[result], result).toBeGreaterThan(0);
  }
  for (const code of ['malformed-answer', 'protocol-error', 'tcp-reset', 'suback-refused']) {
    expect(counts[code], code).toBeGreaterThan(0);
  }
});
