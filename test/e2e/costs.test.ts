import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { processCpuMs } from '../../src/files/process-stat.ts';
import { bareHandshake } from '../bench/client-contenders.ts';
import { cpuPerUnitMs } from '../bench/interleaved-rounds.ts';
import { programCpu } from '../bench/program-cpu.ts';
import { startEmulatorProgram } from '../support/dpsload-program.ts';
import { GROUP_KEY_ENV } from '../support/group-key.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/*
 * A short form of `npm run bench`: ratios of CPU, with limits several times their targets, so that only a mistake exceeds them, such as a look-up, a
 * context or a disk access for each device.
 */

const folder = temporaryFolder();
const CONCURRENCY = 50;
/** Of two runs: what a start costs is left out. */
const DEVICES = { first: 200, last: 700 };
const PROGRAM_TO_HANDSHAKE_MAX = 6;
const EMULATOR_TO_HANDSHAKE_MAX = 6;

/** Assigns at once: devices do not wait before a poll here, so polls would run out. */
const EMULATOR = `version: 1
behavior: { retryAfter: 0s, assignmentDelay: 0s }
instances:
  - idScope: 0ne00111111
    enrollmentGroups:
      - enrollmentGroupId: default
        attestation: { symmetricKey: { primaryKeyVariable: DPSLOAD_GROUP_KEY } }
`;

describe.skipIf(!existsSync('/proc/self/stat'))('what a registration costs (needs /proc)', () => {
  it('is a small multiple of a bare TLS handshake, for the program and for the emulator', async () => {
    const config = join(folder, 'emulator.yaml');
    writeFileSync(config, EMULATOR);
    const emulator = await startEmulatorProgram(['-c', config], GROUP_KEY_ENV);
    try {
      const ready = { port: emulator.port, caPem: readFileSync(emulator.caFile, 'utf8') };
      const emulatorCpuMs = async (work: () => Promise<unknown>): Promise<number> => {
        const beforeMs = processCpuMs(emulator.pid) ?? Number.NaN;
        await work();
        return (processCpuMs(emulator.pid) ?? Number.NaN) - beforeMs;
      };
      const plan = { rounds: 1, unitsPerRound: DEVICES.last - DEVICES.first, concurrency: CONCURRENCY };
      const handshake = bareHandshake(ready);
      await cpuPerUnitMs(handshake.run, plan);
      let [bareMs, programMs] = [0, 0];
      const bareEmulatorMs = await emulatorCpuMs(async () => {
        bareMs = await cpuPerUnitMs(handshake.run, plan);
      });
      const emulatorMs = await emulatorCpuMs(async () => {
        const fleet = { folder, ready, concurrency: CONCURRENCY, workers: 1, attestation: [] };
        const small = await programCpu(DEVICES.first, fleet);
        const large = await programCpu(DEVICES.last, fleet);
        programMs = (large.cpuMs - small.cpuMs) / plan.unitsPerRound;
      });
      expect(programMs / bareMs).toBeLessThan(PROGRAM_TO_HANDSHAKE_MAX);
      const registrations = DEVICES.first + DEVICES.last;
      expect(emulatorMs / registrations / (bareEmulatorMs / plan.unitsPerRound)).toBeLessThan(
        EMULATOR_TO_HANDSHAKE_MAX,
      );
    } finally {
      await emulator.stop();
    }
  });
});
