import { openFileDescriptors } from '../files/process-stat.ts';
import type { Clock } from '../time/clock.ts';
import { watchEventLoop } from '../time/event-loop-watch.ts';
import type { AgentVitals } from './agent-host.ts';

/** Watches this process, all its threads together. @returns what to say of it since the last call */
export function watchVitals(clock: Clock): () => AgentVitals {
  const loop = watchEventLoop();
  let [lastAtMs, lastCpuMs] = [clock.nowMs(), clock.cpuMs()];
  return () => {
    const [nowMs, cpuMs] = [clock.nowMs(), clock.cpuMs()];
    const cpuShare = (cpuMs - lastCpuMs) / Math.max(1, nowMs - lastAtMs);
    [lastAtMs, lastCpuMs] = [nowMs, cpuMs];
    const rssBytes = process.memoryUsage.rss();
    return { cpuShare, loopDelayMaxMs: loop.takeMaxDelayMs(), rssBytes, fileDescriptors: openFileDescriptors() };
  };
}
