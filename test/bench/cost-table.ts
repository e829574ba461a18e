import { execFileSync } from 'node:child_process';
import { textTable } from '../../src/report/text-table.ts';
import { type ContenderCost, median } from './interleaved-rounds.ts';

/** Server on one core, client on another; `false` where the machine does not allow that. */
export function pinned(serverPid: number | undefined): boolean {
  try {
    execFileSync('taskset', ['-a', '-c', '-p', '0', String(serverPid)], { stdio: 'ignore' });
    execFileSync('taskset', ['-a', '-c', '-p', '1', String(process.pid)], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Each contender beside the first. */
export function costTable(costs: readonly ContenderCost[]): string {
  const baseline = median(costs[0]?.cpuMs ?? []);
  const rows = costs.map(({ name, cpuMs }) => [
    name,
    median(cpuMs).toFixed(3),
    `${cpuMs[0]?.toFixed(3)} to ${cpuMs.at(-1)?.toFixed(3)}`,
    (median(cpuMs) / baseline).toFixed(2),
  ]);
  return textTable([['client', 'CPU ms, median', 'range', 'ratio'], ...rows]).join('\n');
}
