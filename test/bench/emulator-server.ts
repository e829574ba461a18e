// The emulator of its own benchmark, as a process of its own. Arguments: its folder of certificates, which of them it has, how many
// devices are enrolled, where it keeps its state (empty = nowhere), and `hubs` if it serves them.
import type { ServerKeys } from '../../src/certificates/server-identity.ts';
import { startEmulator } from '../../src/emulator/start-emulator.ts';
import { emulatedInstance, individualEnrollment } from '../support/emulated-instance.ts';
import { launch } from '../support/launches.ts';
import { reportCpu } from './server-cpu.ts';

/** The client of the benchmarks gives every device the same key. */
const DEVICE_KEY = Buffer.alloc(32, 7).toString('base64');

const [caDir = '', keys, devices, stateFile = '', hubs] = process.argv.slice(2);
const individualEnrollments = Array.from({ length: Number(devices) }, (_, n) =>
  individualEnrollment({
    registrationId: launch(n).registrationId,
    attestation: { kind: 'symmetricKey', primaryKey: DEVICE_KEY, secondaryKey: null },
  }),
);
const { port, hubPort, caPem } = await startEmulator({
  instances: [emulatedInstance({ individualEnrollments })],
  behavior: { retryAfterSeconds: null, assignmentDelayMs: 0 },
  caDir,
  serverKeys: keys as ServerKeys,
  stateFile: stateFile === '' ? null : stateFile,
  hubPort: hubs === 'hubs' ? 0 : null,
  // As on the command line.
  conversations: null,
});
reportCpu({ port, hubPort, caPem });
