import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Emulator, EmulatorOptions } from '../../src/emulator/emulator.ts';
import { startEmulator } from '../../src/emulator/start-emulator.ts';
import { emulatedInstance } from './emulated-instance.ts';

export type TestEmulator = Emulator & { readonly caDir: string; readonly logged: string[] };

/** An emulator on a free port, with a folder of its own that `close` removes. RSA keys would take longer than most tests. */
export async function startTestEmulator(options: Partial<EmulatorOptions> = {}): Promise<TestEmulator> {
  const caDir = mkdtempSync(join(tmpdir(), 'dpsload-test-'));
  const logged: string[] = [];
  const log = (line: string): void => {
    logged.push(line);
  };
  const emulator = await startEmulator({
    caDir,
    serverKeys: 'ecdsa',
    instances: [emulatedInstance()],
    log,
    ...options,
  });
  const close = async (): Promise<void> => {
    await emulator.close();
    rmSync(caDir, { recursive: true, force: true });
  };
  return { ...emulator, caDir, logged, close };
}
