// CPU of the client per registration with X.509, as a ratio to symmetric keys: credentials, TLS and the whole conversation.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AttestationKeys } from '../../src/attestation/attestation-keys.ts';
import { credentialsMaker } from '../../src/attestation/make-credentials.ts';
import { hrtimeMs, systemClock } from '../../src/time/system-clock.ts';
import { authority, deviceCertificate } from '../support/certificates.ts';
import { launch } from '../support/launches.ts';
import { registrations } from './client-contenders.ts';
import { costTable, pinned } from './cost-table.ts';
import type { ServerReady } from './dps-server.ts';
import { measureInterleaved, type RoundsPlan } from './interleaved-rounds.ts';

const PLAN: RoundsPlan = { rounds: 5, unitsPerRound: 500, concurrency: 50 };
const ID_SCOPE = '0ne00111111';
const GROUP_KEY = Buffer.alloc(64, 7).toString('base64');

const folder = mkdtempSync(join(tmpdir(), 'dpsload-bench-'));
const server = fork(fileURLToPath(new URL('./dps-server.js', import.meta.url)));
try {
  const [ready] = (await once(server, 'message')) as [ServerReady];
  const line = await authority('Line A', await authority('Root'));
  for (let index = 0; index < PLAN.unitsPerRound; index += 1) {
    const { registrationId } = launch(index);
    const { certificatePem, privateKeyPem } = await deviceCertificate(registrationId, line);
    writeFileSync(join(folder, `${registrationId}.pem`), certificatePem + line.certificatePem);
    writeFileSync(join(folder, `${registrationId}.key`), privateKeyPem);
  }
  const patterns = { certificatePattern: '{registration_id}.pem', keyPattern: '{registration_id}.key' };
  const contender = (name: string, keys: AttestationKeys) =>
    registrations(ready, name, credentialsMaker(keys, ID_SCOPE, systemClock(hrtimeMs())));
  const { rounds, unitsPerRound, concurrency } = PLAN;
  console.log(`CPU of the client per registration: credentials, connect, subscribe, register, poll once, disconnect.
Node ${process.versions.node}, ${availableParallelism()} cores, ${pinned(server.pid) ? 'server and client each pinned to one' : 'not pinned'}; TLS 1.2, server RSA 2048, devices P-256;
${concurrency} in flight, ${rounds} interleaved rounds of ${unitsPerRound} each.`);
  const contenders = [
    contender('group key', {
      kind: 'group-key',
      defaultKey: GROUP_KEY,
      groups: {},
      secondary: { defaultKey: null, groups: {} },
    }),
    contender('X.509, files', { kind: 'x509-files', files: { from: 'folder', folder, ...patterns } }),
    contender('X.509, issued at launch', { kind: 'x509-issuer', issuer: line, intermediatesPem: line.certificatePem }),
  ];
  console.log(costTable(await measureInterleaved(contenders, PLAN)));
} finally {
  server.disconnect();
  rmSync(folder, { recursive: true, force: true });
}
