import { expect, it } from 'vitest';
import type { LatencyMetric } from '../../src/metrics/latency-metric.ts';
import { HAS_NAMESPACES, runBehindResolver } from '../support/slow-resolver.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const DEVICES = 1_000;
const RATE_PER_SECOND = 100;
const DELAYS_MS = [0, 20, 100, 1_000];
const PHASES: readonly LatencyMetric[] = ['tcp', 'tls', 'connack', 'suback', 'accepted'];
/** Other work on the machine moves a median of a few milliseconds by this factor, or this much. */
const NOISE = { factor: 2, ms: 10 };
/** If every connection asked, a resolver of 100 ms would allow 40 a second, and half of the devices would start 7 s late, or later. */
const START_LAG_MAX_MS = 1_000;

const folder = temporaryFolder();

it.skipIf(!HAS_NAMESPACES)(
  'resolvers of 0 to 1,000 ms reach the same rate and change no phase (needs unshare, ip and the right to use them)',
  () => {
    const runs = DELAYS_MS.map((delayMs) =>
      runBehindResolver(folder, { devices: DEVICES, delayMs, args: ['--rate', `${RATE_PER_SECOND}/s`] }),
    );
    const [fastest] = runs;
    for (const [index, { summary, questions }] of runs.entries()) {
      const { latency, results } = summary;
      console.log(
        `${DELAYS_MS[index]} ms: ${questions} questions, start lag p50 ${latency.startLag?.p50Ms} ms, ${PHASES.map(
          (phase) => `${phase} ${latency[phase]?.p50Ms}`,
        ).join(', ')}`,
      );
      expect([results.assigned, questions, latency.dns]).toEqual([DEVICES, 2, null]);
      expect(latency.startLag?.p50Ms).toBeLessThan(START_LAG_MAX_MS);
      for (const phase of PHASES) {
        const fastestMs = fastest?.summary.latency[phase]?.p50Ms ?? Number.NaN;
        expect(latency[phase]?.p50Ms).toBeLessThan(fastestMs * NOISE.factor + NOISE.ms);
      }
    }
  },
);
