import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { strikeHandshakes } from '../support/handshake-faults.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

/** Late enough that a busy machine has begun by then. */
const FROM_MS = 25_000;
/** At 20/s, they are still being launched when the outage begins. */
const DEVICES = 800;

it.concurrent.each([
  ['group-key', 45],
  ['x509', 45],
  ['group-key', 300],
  ['x509', 300],
] as const)('%s: an outage of %i s through the program fails no device, and only probes connect', async (attestation, seconds) => {
  const own = join(folder, `${attestation}-${seconds}`);
  mkdirSync(own);
  const untilMs = FROM_MS + seconds * 1_000;
  const { exitCode, rows, struck } = await strikeHandshakes(own, {
    attestation,
    transport: 'mqtt',
    fault: { kind: 'outage' },
    devices: DEVICES,
    ratePerSecond: 20,
    share: 1,
    fromMs: FROM_MS,
    untilMs,
    registration: {},
  });
  expect(rows.filter((row) => row['result'] !== 'assigned')).toEqual([]);
  expect([exitCode, rows.length]).toEqual([0, DEVICES]);
  // By then the outage is known; the pauses between the probes are 1, 2, 4, 8, 16 and then 30 s.
  const probes = struck.filter(({ atMs }) => atMs >= FROM_MS + 6_000 && atMs < untilMs);
  expect(probes.length).toBeGreaterThan(0);
  expect(probes.length).toBeLessThanOrEqual(5 + seconds / 30);
});
