// The server of the ground-truth benchmark, as a process of its own: it closes, and writes its log, when its parent says so.
// Its argument is a `DelayingServerOptions` in JSON.
import { once } from 'node:events';
import { type DelayingServerOptions, startDelayingServer } from '../support/delaying-server.ts';
import type { ServerReady } from './dps-server.ts';

const server = await startDelayingServer(JSON.parse(process.argv[2] ?? '') as DelayingServerOptions);
// Also if the benchmark was stopped.
process.on('disconnect', () => process.exit());
process.send?.({ port: server.port, caPem: server.caPem } satisfies ServerReady);
await once(process, 'message');
await server.close();
process.exit();
