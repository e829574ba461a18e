// An emulator with one X.509 group, as a process of its own: its memory and CPU are not those of the client. Needs the built program.
// Argument: PEM file of the CA that signs the devices' certificates. Sends { port, caPem } to its parent, and ends with it.
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultInstance } from '../../dist/emulator/config/default-instance.js';
import { startEmulator } from '../../dist/emulator/start-emulator.js';

const [caFile] = process.argv.slice(2);
const certificates = [new X509Certificate(readFileSync(caFile))];
const instance = defaultInstance('0ne00111111', Buffer.alloc(32).toString('base64'));
const groups = instance.enrollmentGroups.map((group) => ({
  ...group,
  attestation: { kind: 'x509', use: 'signing', certificates },
}));
const caDir = mkdtempSync(join(tmpdir(), 'dpsload-test-'));
process.on('exit', () => rmSync(caDir, { recursive: true, force: true }));
process.on('disconnect', () => process.exit());
const behavior = { retryAfterSeconds: 0, assignmentDelayMs: 0 };
const { port, caPem } = await startEmulator({
  caDir,
  serverKeys: 'ecdsa',
  instances: [{ ...instance, enrollmentGroups: groups }],
  behavior,
});
process.send({ port, caPem });
