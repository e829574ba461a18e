import childProcess from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import workerThreads from 'node:worker_threads';

// Keeps unit tests quick, and independent of the machine: whatever needs more belongs in the list of test/vitest.config.ts.
function refuse(what: string): () => never {
  return () => {
    throw new Error(`A unit test ${what}: add its file to INTEGRATION in test/vitest.config.ts`);
  };
}

net.Socket.prototype.connect = refuse('opens a connection');
net.Server.prototype.listen = refuse('listens on a port');
workerThreads.Worker = class {
  constructor() {
    refuse('starts a thread')();
  }
} as unknown as typeof workerThreads.Worker;
for (const name of ['spawn', 'spawnSync', 'exec', 'execSync', 'execFile', 'execFileSync', 'fork'] as const) {
  Object.assign(childProcess, { [name]: refuse('starts a process') });
}
syncBuiltinESMExports();

// Sessions in virtual time sample it thousands of times, and the system takes its time.
process.memoryUsage.rss = () => 100_000_000;
