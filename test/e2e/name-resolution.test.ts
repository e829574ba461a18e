import { describe, expect, it } from 'vitest';
import { HAS_NAMESPACES, runBehindResolver } from '../support/slow-resolver.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const DELAY_MS = 300;

// That it is asked once, and slows nothing down: test/long/name-resolution.
describe.skipIf(!HAS_NAMESPACES)('a slow name service (needs unshare, ip and the right to use them)', () => {
  it('shows as time for dns, not for tcp, where every connection asks', () => {
    const args = ['--rate', '10/s', '--dns-cache', 'off'];
    const { summary, questions } = runBehindResolver(folder, { devices: 10, delayMs: DELAY_MS, args });
    const { dns, tcp } = summary.latency;
    // The preflight connects once more than the devices do.
    expect([summary.results.assigned, questions, dns?.count]).toEqual([10, 22, 10]);
    expect(dns?.minMs).toBeGreaterThanOrEqual(DELAY_MS - 1);
    expect(tcp?.p50Ms).toBeLessThan(DELAY_MS);
  });
});
