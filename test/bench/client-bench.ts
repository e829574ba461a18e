// CPU of the client per registration, as a ratio to a bare TLS handshake: the handshake cannot be saved, the rest can.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { MQTT_CLIENTS } from '../../src/mqtt/connection-settings.ts';
import { bareHandshake, barePackets, dpsloadClient } from './client-contenders.ts';
import { costTable, pinned } from './cost-table.ts';
import type { ServerReady } from './dps-server.ts';
import { measureInterleaved, type RoundsPlan } from './interleaved-rounds.ts';

const PLAN: RoundsPlan = { rounds: 7, unitsPerRound: 1_000, concurrency: 50 };

const server = fork(fileURLToPath(new URL('./dps-server.js', import.meta.url)));
try {
  const [ready] = (await once(server, 'message')) as [ServerReady];
  const { rounds, unitsPerRound, concurrency } = PLAN;
  console.log(`CPU of the client per registration: connect, subscribe, register, poll once, disconnect.
Node ${process.versions.node}, ${availableParallelism()} cores, ${pinned(server.pid) ? 'server and client each pinned to one' : 'not pinned'}; TLS 1.2, RSA 2048;
${concurrency} in flight, ${rounds} interleaved rounds of ${unitsPerRound} each.`);
  const contenders = [
    bareHandshake(ready),
    barePackets(ready),
    ...MQTT_CLIENTS.map((name) => dpsloadClient(ready, name)),
  ];
  console.log(costTable(await measureInterleaved(contenders, PLAN)));
} finally {
  server.disconnect();
}
