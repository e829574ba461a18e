// Runs one contender of the client benchmarks over and over, on as many threads as it is told. Once the first units have warmed up every thread, it
// tells its parent its cost so far, and then again at each message. Its argument is a `ContenderTask` in JSON.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { bareHandshake, barePackets, plainMqttJs } from './client-contenders.ts';
import type { ContenderTask, CostSoFar } from './contender-cpu.ts';
import type { Contender } from './interleaved-rounds.ts';

const task = JSON.parse(process.argv[2] ?? '') as ContenderTask;

/** Units done, by thread. */
type UnitsDone = Int32Array<SharedArrayBuffer>;

if (isMainThread) await runContender();
else await runLanes(workerData.thread, workerData.done);

async function runContender(): Promise<void> {
  const done = new Int32Array(new SharedArrayBuffer(task.threads * Int32Array.BYTES_PER_ELEMENT));
  const tellCost = (): void => {
    const { user, system } = process.cpuUsage();
    const units = done.reduce((sum, each) => sum + each, 0);
    process.send?.({ units, cpuMs: (user + system) / 1000 } satisfies CostSoFar);
  };
  process.on('message', tellCost);
  process.on('disconnect', () => process.exit());
  for (let thread = 1; thread < task.threads; thread += 1) {
    new Worker(fileURLToPath(import.meta.url), { argv: process.argv.slice(2), workerData: { thread, done } });
  }
  const watch = setInterval(() => {
    if (done.some((units) => units < task.warmUpUnits)) return;
    clearInterval(watch);
    tellCost();
  }, 100);
  await runLanes(0, done);
}

async function runLanes(thread: number, done: UnitsDone): Promise<void> {
  const { run } = contenderOf(task);
  let begun = 0;
  const lane = async (): Promise<never> => {
    for (;;) {
      await run(begun++);
      done[thread] = (done[thread] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: task.concurrency }, lane));
}

function contenderOf({ contender, ready, certificatesFile }: ContenderTask): Contender {
  if (contender === 'mqttJs') return plainMqttJs(ready);
  if (contender === 'packets') return barePackets(ready);
  return bareHandshake(ready, certificatesFile === null ? [] : JSON.parse(readFileSync(certificatesFile, 'utf8')));
}
