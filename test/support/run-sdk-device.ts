import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Emulator } from '../../src/emulator/start-emulator.ts';

const SCRIPT = fileURLToPath(new URL('sdk-device.cjs', import.meta.url));

export type SdkTask = {
  readonly registrationId: string;
  /** base64, or a certificate instead. */
  readonly key?: string;
  readonly certificate?: { readonly cert: string; readonly key: string };
  readonly payload?: unknown;
  readonly transport?: 'mqtt' | 'websocket';
  readonly idScope?: string;
};

export type SdkResult = {
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: string;
  readonly message?: string;
};

/** Lets Microsoft's Node SDK register a device; resolves with what it says. */
export async function runSdkDevice(emulator: Emulator, { transport, ...task }: SdkTask): Promise<SdkResult> {
  const host = `localhost:${emulator.port}`;
  const websocketPort = transport === 'websocket' ? emulator.websocketPort : null;
  const env = {
    ...process.env,
    NODE_EXTRA_CA_CERTS: emulator.caFile,
    TASK: JSON.stringify({ host, websocketPort, idScope: emulator.idScope, ...task }),
  };
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT], { env, timeout: 60_000 });
  return JSON.parse(stdout);
}
