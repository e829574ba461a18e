import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FOREIGN_CLIENTS, type ForcedTls } from '../support/foreign-clients.ts';
import { seenHandshakes } from '../support/seen-handshakes.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

const FORCED: readonly ForcedTls[] = [
  { version: 'TLSv1.2', key: 'RSA' },
  { version: 'TLSv1.2', key: 'ECDSA' },
  { version: 'TLSv1.3', key: 'RSA' },
  { version: 'TLSv1.3', key: 'ECDSA' },
];

const folder = temporaryFolder();
const { handshakes, end } = seenHandshakes();

let emulator: TestEmulator;
beforeAll(async () => {
  const behavior = { assignmentDelayMs: 0, offersTls13: true, grantsExactFilters: true };
  emulator = await startTestEmulator({ serverKeys: 'both', behavior });
});
afterAll(async () => {
  end();
  await emulator.close();
});

describe.each(FOREIGN_CLIENTS)('$name (needs $needs)', ({ name, isInstalled, register }) => {
  it.skipIf(!isInstalled()).each(FORCED)('registers with $version and a server key of $key', async (forced) => {
    const id = `${name.replace(/\W/g, '-')}-${forced.version}-${forced.key}`.toLowerCase();
    const before = handshakes.length;
    await register({ emulator, id, forced, folder });
    // What was agreed, not what was asked for.
    const agreed = { protocol: forced.version, key: forced.key };
    expect(new Set(handshakes.slice(before).map((seen) => JSON.stringify(seen)))).toEqual(
      new Set([JSON.stringify(agreed)]),
    );
    expect([...emulator.records()]).toContainEqual(expect.objectContaining({ registrationId: id, status: 'assigned' }));
  });
});
