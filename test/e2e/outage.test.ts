import { expect, it } from 'vitest';
import { strikeHandshakes } from '../support/handshake-faults.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

it('an outage of 5 s fails no device', async () => {
  const { exitCode, rows, struck } = await strikeHandshakes(folder, {
    attestation: 'group-key',
    transport: 'mqtt',
    fault: { kind: 'outage' },
    devices: 240,
    ratePerSecond: 20,
    share: 1,
    fromMs: 8_000,
    untilMs: 13_000,
    registration: {},
  });
  expect(rows.filter((row) => row['result'] !== 'assigned')).toEqual([]);
  expect([exitCode, rows.length]).toEqual([0, 240]);
  // Until it is known, at most a few seconds at 20/s and what was cut off, which tries again; each device alone would try up to 5 times.
  expect(struck.length).toBeGreaterThan(0);
  expect(struck.length).toBeLessThan(300);
});
