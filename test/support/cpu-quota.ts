import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = '/sys/fs/cgroup';
const PERIOD_MICROS = 100_000;

/**
 * A Linux control group that grants its processes this share of a core, and takes it away from them for the rest of each tenth of a second;
 * `null` where none can be made: not on Linux, or not as root.
 */
export function makeCpuQuota(name: string, share: number): CpuQuota | null {
  // Version 1 has a folder for each controller, version 2 one tree.
  const isFirst = existsSync(join(ROOT, 'cpu', 'cpu.cfs_quota_us'));
  const parent = isFirst ? join(ROOT, 'cpu') : ROOT;
  const folder = join(parent, name);
  const quota = Math.round(share * PERIOD_MICROS);
  try {
    mkdirSync(folder);
    if (isFirst) {
      writeFileSync(join(folder, 'cpu.cfs_period_us'), String(PERIOD_MICROS));
      writeFileSync(join(folder, 'cpu.cfs_quota_us'), String(quota));
    } else writeFileSync(join(folder, 'cpu.max'), `${quota} ${PERIOD_MICROS}`);
  } catch {
    if (existsSync(folder)) rmdirSync(folder);
    return null;
  }
  return {
    apply: (pid) => writeFileSync(join(folder, 'cgroup.procs'), String(pid)),
    remove: () => rmdirSync(folder),
  };
}

export type CpuQuota = {
  apply(pid: number): void;
  /** Once its processes have ended. */
  remove(): void;
};
