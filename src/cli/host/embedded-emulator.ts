import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AttestationKeys, GroupKeys } from '../../attestation/attestation-keys.ts';
import { certificatesIn } from '../../certificates/certificate-chain.ts';
import { KEY_BYTES_MAX } from '../../dps/device-key.ts';
import { EMULATOR_GROUP_DEFAULT, EMULATOR_ID_SCOPE_DEFAULT } from '../../emulator/config/default-instance.ts';
import { packageFile } from '../../files/package-files.ts';
import type { Transport } from '../../mqtt/service-conversations.ts';
import { OperatorError, problem } from '../../problem/operator-error.ts';
import { type Environment, GROUP_KEY_VARIABLE, type Target } from '../../scenario/scenario.ts';
import { EXIT_CODE } from './exit-code.ts';

export type EmbeddedEmulator = {
  readonly pid: number;
  readonly host: string;
  readonly port: number;
  readonly idScope: string;
  readonly caPem: string;
  /** Asks it to end, and waits until it has. */
  stop(): Promise<void>;
};

/** What the emulator prints once it listens. */
type ReadyLine = {
  readonly host: string;
  readonly port: number;
  readonly websocketPort: number | null;
  readonly idScope: string;
  readonly caFile: string;
};

/** The embedded emulator needs no secret of the operator: where none is given, one is made for this run. */
export function withThrowAwayKey(target: Target, keys: AttestationKeys): AttestationKeys {
  if (target.kind !== 'emulator' || !target.throwAway || keys.kind !== 'group-key') return keys;
  if (keys.defaultKey !== null || Object.keys(keys.groups).length > 0) return keys;
  return { ...keys, defaultKey: randomBytes(KEY_BYTES_MAX).toString('base64') };
}

/**
 * Starts the emulator as a process of its own, so that its CPU time is not the client's. It is detached, so that
 * Ctrl-C reaches only this process, which ends it; it also ends by itself when this process is gone.
 * @param keys of the run: the emulator has an enrollment group for each, or for the issuer.
 * @param configFile brings the enrollments; `null` = there are those groups.
 */
export async function startEmbeddedEmulator(
  keys: AttestationKeys,
  configFile: string | null,
  transport: Transport,
): Promise<EmbeddedEmulator> {
  const folder = mkdtempSync(join(tmpdir(), 'dpsload-emulator-'));
  // It holds keys.
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    const config = configFile ?? writeEmulatorConfig(folder, keys);
    const args = ['emulator', '--port', '0', '--ca-dir', folder];
    if (transport === 'websocket') args.push('--websocket-port', '0');
    if (config !== null) args.push('--config', config);
    return await startProcess(args, keys, transport, removeFolder);
  } catch (error) {
    removeFolder();
    throw error;
  }
}

async function startProcess(
  args: readonly string[],
  keys: AttestationKeys,
  transport: Transport,
  onStopped: () => void,
): Promise<EmbeddedEmulator> {
  const child = spawn(process.execPath, [packageFile('dist/cli/main.js'), ...args], {
    detached: true,
    env: emulatorEnvironment(keys, process.env),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  // Not `close`: that does not come where this side has disconnected the channel.
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  try {
    const ready = await readReadyLine(child);
    return {
      pid: child.pid ?? 0,
      host: ready.host,
      port: (transport === 'websocket' ? ready.websocketPort : null) ?? ready.port,
      idScope: ready.idScope,
      caPem: readFileSync(ready.caFile, 'utf8'),
      async stop() {
        if (child.connected) child.disconnect();
        await ended;
        onStopped();
      },
    };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

/** A configuration file may name the run's own key. */
export function emulatorEnvironment(keys: AttestationKeys, environment: Environment): Environment {
  if (keys.kind !== 'group-key' || keys.defaultKey === null) return environment;
  return { ...environment, [GROUP_KEY_VARIABLE]: keys.defaultKey };
}

/** Resolves with the first line that it prints; rejects with what it wrote to stderr when it ends before. */
function readReadyLine(child: ChildProcess): Promise<ReadyLine> {
  return new Promise((resolve, reject) => {
    let out = '';
    let log = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      // Only the beginning can explain a failed start; the rest is read to keep the pipe empty.
      if (log.length < 10_000) log += text;
    });
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      const newline = out.indexOf('\n');
      if (newline >= 0) resolve(JSON.parse(out.slice(0, newline)) as ReadyLine);
    });
    child.once('error', reject);
    // `close`: when all that it wrote has been read.
    child.once('close', (code) => reject(failedStart(code, log.trim())));
  });
}

/** What the emulator itself calls a mistake of the operator is one here: its configuration file. */
function failedStart(code: number | null, log: string): Error {
  if (code !== EXIT_CODE.usage) return new Error(`the embedded emulator did not start: ${log}`);
  return new OperatorError('usage', [problem(`the embedded emulator cannot be started:\n${log.replace(/\.$/, '')}`)]);
}

/** As the configuration of the emulator has it. */
type EnrollmentGroup = { readonly enrollmentGroupId: string; readonly attestation: object };

/**
 * Writes a configuration with one enrollment group for each key of the run, or for its issuer; keys and certificate lie in
 * files beside it. `null` = the run has neither.
 */
export function writeEmulatorConfig(folder: string, keys: AttestationKeys): string | null {
  const enrollmentGroups = groupsOf(folder, keys);
  if (enrollmentGroups === null) return null;
  const config = join(folder, 'emulator.yaml');
  // JSON is YAML.
  const instances = [{ idScope: EMULATOR_ID_SCOPE_DEFAULT, enrollmentGroups }];
  writeFileSync(config, JSON.stringify({ version: 1, instances }));
  return config;
}

function groupsOf(folder: string, keys: AttestationKeys): readonly EnrollmentGroup[] | null {
  switch (keys.kind) {
    case 'group-key': {
      // First, that of all rows whose group has no key of its own.
      const groups = [EMULATOR_GROUP_DEFAULT, ...Object.keys(keys.groups)];
      return groups.flatMap((enrollmentGroupId, index) => {
        const keyIn = ({ defaultKey, groups: named }: GroupKeys): string | null =>
          index === 0 ? defaultKey : (named[enrollmentGroupId] ?? null);
        const primary = keyIn(keys);
        if (primary === null) return [];
        const write = (rank: string, key: string): string => {
          const file = join(folder, `group-${index}-${rank}.key`);
          writeFileSync(file, key, { mode: 0o600 });
          return file;
        };
        const secondary = keyIn(keys.secondary);
        const symmetricKey = {
          primaryKeyFile: write('primary', primary),
          ...(secondary === null ? {} : { secondaryKeyFile: write('secondary', secondary) }),
        };
        return [{ enrollmentGroupId, attestation: { symmetricKey } }];
      });
    }
    case 'x509-issuer': {
      const primary = join(folder, 'issuer.pem');
      writeFileSync(primary, String(certificatesIn(keys.issuer.certificatePem)[0]));
      return [
        { enrollmentGroupId: EMULATOR_GROUP_DEFAULT, attestation: { x509: { signingCertificates: { primary } } } },
      ];
    }
    default:
      return null;
  }
}
