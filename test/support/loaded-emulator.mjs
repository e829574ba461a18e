// An emulator as a process of its own, so that its memory is not that of its devices. Needs the built program, and --expose-gc. Sends
// { port, caPem } to its parent, and to each message its resident memory, what is alive on its heap, and what it has counted; ends with
// its parent. Arguments: ID scope, group key, the time that a packet may take.
import { defaultInstance } from '../../dist/emulator/config/default-instance.js';
import { startEmulator } from '../../dist/emulator/start-emulator.js';

const [idScope, groupKey, packetTimeoutMs] = process.argv.slice(2);
const emulator = await startEmulator({
  serverKeys: 'ecdsa',
  instances: [defaultInstance(idScope, groupKey)],
  limits: { packetTimeoutMs: Number(packetTimeoutMs) },
});
process.on('message', () => {
  const { counters } = emulator;
  const rssBytes = process.memoryUsage.rss();
  globalThis.gc();
  const { heapUsed: heapBytes } = process.memoryUsage();
  process.send({ rssBytes, heapBytes, connections: emulator.openConnections(), counters });
});
process.on('disconnect', () => emulator.close().then(() => process.exit()));
process.send({ port: emulator.port, caPem: emulator.caPem });
