// Runs one contender of the client benchmarks, and tells its parent what CPU each unit takes once the first units have warmed it up. Its
// argument is a `ContenderTask` in JSON.
import { readFileSync } from 'node:fs';
import { bareHandshake, plainMqttJs } from './client-contenders.ts';
import type { ContenderTask } from './contender-cpu.ts';
import { cpuPerUnitMs } from './interleaved-rounds.ts';

const { contender, ready, window, certificatesFile } = JSON.parse(process.argv[2] ?? '') as ContenderTask;
const certificates = certificatesFile === null ? [] : JSON.parse(readFileSync(certificatesFile, 'utf8'));
const { run } = contender === 'bare' ? bareHandshake(ready, certificates) : plainMqttJs(ready);
const { first, last, concurrency } = window;
await cpuPerUnitMs(run, { rounds: 1, unitsPerRound: first, concurrency });
process.send?.(await cpuPerUnitMs(run, { rounds: 1, unitsPerRound: last - first, concurrency }));
process.disconnect();
