import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os';

/** The machine that made the load: numbers of two runs compare only where it is the same. */
export function machineFacts(): object {
  return {
    node: process.version,
    openssl: process.versions.openssl,
    platform: `${type()} ${release()} ${arch()}`,
    cpu: cpus()[0]?.model ?? null,
    cores: availableParallelism(),
    memoryBytes: totalmem(),
  };
}
