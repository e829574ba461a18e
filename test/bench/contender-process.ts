// Runs one contender of the client benchmarks: as many units as each message says, then it tells its parent what one of them cost. Its argument is a
// `ContenderTask` in JSON.
import { readFileSync } from 'node:fs';
import { bareHandshake, barePackets, plainMqttJs } from './client-contenders.ts';
import type { ContenderTask } from './contender-cpu.ts';
import { type Contender, cpuPerUnitMs } from './interleaved-rounds.ts';

const task = JSON.parse(process.argv[2] ?? '') as ContenderTask;
const contender = contenderOf(task);
let begun = 0;

process.on('disconnect', () => process.exit());
process.on('message', async (units: number) => {
  const next = (): Promise<void> => contender.run(begun++);
  process.send?.(await cpuPerUnitMs(next, { unitsPerRound: units, concurrency: task.concurrency }));
});

function contenderOf({ contender: name, ready, certificatesFile }: ContenderTask): Contender {
  if (name === 'mqttJs') return plainMqttJs(ready);
  if (name === 'packets') return barePackets(ready);
  return bareHandshake(ready, certificatesFile === null ? [] : JSON.parse(readFileSync(certificatesFile, 'utf8')));
}
