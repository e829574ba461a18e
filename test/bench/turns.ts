import type { ChildProcess } from 'node:child_process';

/** Long enough that refilling caches does not matter, short enough that whatever disturbs the machine disturbs all. */
const TURN_MS = 250;

/** Lets processes run one at a time, until the first of them ends; then all continue. */
export function takeTurns(processes: readonly [ChildProcess, ...ChildProcess[]]): void {
  let turn = 0;
  const next = (): void => {
    turn = (turn + 1) % processes.length;
    for (const [place, child] of processes.entries()) child.kill(place === turn ? 'SIGCONT' : 'SIGSTOP');
  };
  const timer = setInterval(next, TURN_MS);
  next();
  processes[0].once('exit', () => {
    clearInterval(timer);
    for (const child of processes) child.kill('SIGCONT');
  });
}
