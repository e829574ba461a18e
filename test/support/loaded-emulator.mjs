// An emulator as a process of its own, so that its memory is not that of its devices. Needs the built program. Sends
// { port, caPem } to its parent, and to each message its resident memory and what it has counted; ends with its parent.
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
  process.send({ rssBytes: process.memoryUsage.rss(), connections: emulator.openConnections(), counters });
});
process.on('disconnect', () => emulator.close().then(() => process.exit()));
process.send({ port: emulator.port, caPem: emulator.caPem });
