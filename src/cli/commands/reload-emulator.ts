import type { Emulator } from '../../emulator/emulator.ts';
import { messageOf } from '../../problem/operator-error.ts';
import type { EmulatorSettings } from './emulator-settings.ts';

/**
 * Reads the configuration file again, for a running emulator. What is wrong with it is logged, and changes nothing.
 *
 * @param file as the operator named it; absent = there is none
 */
export async function reloadEmulator(
  emulator: Emulator,
  file: string | undefined,
  readSettings: () => Promise<EmulatorSettings>,
  log: (line: string) => void,
): Promise<void> {
  if (file === undefined) {
    log(
      'SIGHUP: there is no configuration file to read again. Start the emulator with --config FILE, or send the changes to the control port (--http-port, PATCH /config).',
    );
    return;
  }
  try {
    const { config } = await readSettings();
    const changes = await emulator.update(config);
    log(`${file}: read again${changes.length === 0 ? ', nothing has changed' : ''}`);
  } catch (error) {
    for (const line of messageOf(error).split('\n')) log(line);
    log(`${file}: not used, and nothing has changed. Correct it, and send SIGHUP again.`);
  }
}
