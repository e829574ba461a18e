import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRunning, processIdentity } from './process-identity.ts';

/** `dpsload-emulator-PID-START-HOST-RANDOM`: the name says whose folder it is. */
const OWNED = /^dpsload-emulator-(\d+)-(\d+)-(.+)-[A-Za-z0-9]{6}$/;

/**
 * A new temporary folder for the keys and certificates of an emulator, which this process removes. Processes that were killed
 * could not remove theirs: that is done here.
 */
export function newEmulatorFolder(): string {
  const { pid, start, host } = processIdentity(process.pid);
  const parent = tmpdir();
  const folder = mkdtempSync(join(parent, `dpsload-emulator-${pid}-${start}-${host}-`));
  removeAbandoned(parent);
  return folder;
}

function removeAbandoned(parent: string): void {
  try {
    for (const name of readdirSync(parent)) {
      if (isAbandoned(parent, name)) rmSync(join(parent, name), { recursive: true, force: true });
    }
  } catch {
    // What others left behind keeps nobody from starting.
  }
}

/** Only a folder of the same user: anyone can create a name in the system's temporary folder. */
function isAbandoned(parent: string, name: string): boolean {
  const [, pid = '', start = '', host = ''] = OWNED.exec(name) ?? [];
  if (pid === '' || isRunning({ pid: Number(pid), start, host })) return false;
  const stat = lstatSync(join(parent, name));
  // Windows has no user IDs, and a temporary folder for each user.
  return stat.isDirectory() && stat.uid === (process.getuid?.() ?? stat.uid);
}
