import { setTimeout as pauseMs } from 'node:timers/promises';
import type { EmulatorProgram } from './dpsload-program.ts';

/**
 * Resolves when no device is connected any more: of a program that was killed, the emulator has then heard all that was under way.
 * It needs `--http-port`.
 */
export async function untilIdle({ httpPort }: EmulatorProgram): Promise<void> {
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${httpPort}/health`);
    const { openConnections } = (await answer.json()) as { readonly openConnections: number };
    if (openConnections === 0) return;
    await pauseMs(20);
  }
}
