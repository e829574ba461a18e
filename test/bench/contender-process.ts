// Runs one contender of the client benchmarks over and over. Once the first units have warmed it up, it tells its parent its cost so far, and
// then again at each message. Its argument is a `ContenderTask` in JSON.
import { readFileSync } from 'node:fs';
import { bareHandshake, plainMqttJs } from './client-contenders.ts';
import type { ContenderTask, CostSoFar } from './contender-cpu.ts';

const { contender, ready, warmUpUnits, concurrency, certificatesFile } = JSON.parse(
  process.argv[2] ?? '',
) as ContenderTask;
const certificates = certificatesFile === null ? [] : JSON.parse(readFileSync(certificatesFile, 'utf8'));
const { run } = contender === 'bare' ? bareHandshake(ready, certificates) : plainMqttJs(ready);

let [begun, units] = [0, 0];

function tellCost(): void {
  const { user, system } = process.cpuUsage();
  process.send?.({ units, cpuMs: (user + system) / 1000 } satisfies CostSoFar);
}

async function lane(): Promise<never> {
  for (;;) {
    await run(begun++);
    units += 1;
    if (units === warmUpUnits) tellCost();
  }
}

process.on('message', tellCost);
process.on('disconnect', () => process.exit());
await Promise.all(Array.from({ length: concurrency }, lane));
