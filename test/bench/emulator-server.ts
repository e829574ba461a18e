// The emulator of its own benchmark, as a process of its own. Tells where it listens; then, to each message, the CPU that it has used.
import { startEmulator } from '../../src/emulator/start-emulator.ts';
import { emulatedInstance, individualEnrollment } from '../support/emulated-instance.ts';
import { launch } from '../support/launches.ts';

/** The client of the benchmarks gives every device the same key. */
const DEVICE_KEY = Buffer.alloc(32, 7).toString('base64');

/** To each message from the parent. */
export type EmulatorUsage = { readonly cpuMs: number; readonly registrations: number };

const devices = Number(process.argv[2]);
const individualEnrollments = Array.from({ length: devices }, (_, n) =>
  individualEnrollment({
    registrationId: launch(n).registrationId,
    attestation: { kind: 'symmetricKey', primaryKey: DEVICE_KEY, secondaryKey: null },
  }),
);
const emulator = await startEmulator({
  instances: [emulatedInstance({ individualEnrollments })],
  behavior: { retryAfterSeconds: null, assignmentDelayMs: 0 },
});
process.send?.({ port: emulator.port, caPem: emulator.caPem });
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  const registrations = emulator.counters.deviceAssignments;
  process.send?.({ cpuMs: (user + system) / 1000, registrations } satisfies EmulatorUsage);
});
process.on('disconnect', () => process.exit());
