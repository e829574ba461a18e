import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AttestationKeys, GroupKeys } from '../../attestation/attestation-keys.ts';
import type { KeyedCertificate } from '../../certificates/certificate.ts';
import { certificatesIn } from '../../certificates/certificate-chain.ts';
import { validityOf } from '../../certificates/validity.ts';
import { KEY_BYTES_MAX } from '../../dps/device-key.ts';
import { EMULATOR_GROUP_DEFAULT, EMULATOR_ID_SCOPE_DEFAULT } from '../../emulator/config/emulator-defaults.ts';
import { newEmulatorFolder } from '../../files/emulator-folder.ts';
import { packageFile } from '../../files/package-files.ts';
import type { HubPlace } from '../../hub/hub-check.ts';
import type { Transport } from '../../mqtt/connection-settings.ts';
import { OperatorError, problem } from '../../problem/operator-error.ts';
import { type Environment, GROUP_KEY_VARIABLE, type Target } from '../../scenario/scenario.ts';
import { hrtimeMs, systemClock } from '../../time/system-clock.ts';
import { EXIT_CODE } from './exit-code.ts';

/** The line the emulator prints once it listens. */
type ReadyLine = {
  readonly host: string;
  readonly port: number;
  readonly websocketPort: number | null;
  /** Absent = the emulator does not serve its hubs. */
  readonly hubPort?: number;
  readonly idScope: string;
  readonly caFile: string;
  /** Absent = the emulator does not serve the service API. */
  readonly serviceConnectionFile?: string;
};

export type EmbeddedEmulator = Pick<ReadyLine, 'host' | 'port' | 'idScope'> & {
  readonly pid: number;
  readonly caPem: string;
  /** Where its hubs are; `null` = it was not asked for them. */
  readonly hubs: HubPlace | null;
  /** How to reach its service API, in files that it removes when it ends; `null` = it was not asked for it. */
  readonly service: { readonly connectionFile: string; readonly caFile: string } | null;
  /** Stops the emulator and waits until it has ended. */
  stop(): Promise<void>;
};

/** Longer than any run. */
const THROW_AWAY_DAYS = 32;

/** What a run needs of the emulator beside MQTT over TLS. */
export type EmulatorPorts = {
  readonly transport: Transport;
  readonly withHubs: boolean;
  readonly withServiceApi: boolean;
};

/** A CA for one run, which only the embedded emulator trusts. */
export async function throwAwayIssuer(): Promise<AttestationKeys> {
  const { createCertificate } = await import('../../certificates/certificate.ts');
  const validity = validityOf('current', THROW_AWAY_DAYS, systemClock(hrtimeMs()).epochMs());
  const issuer = await createCertificate({ kind: 'authority', commonName: 'dpsload throw-away CA', ...validity }, null);
  return { kind: 'x509-issuer', issuer, intermediatesPem: '' };
}

/** The keys with a generated group key, where the embedded emulator is the target and no key was given. */
export function withThrowAwayKey(target: Target, keys: AttestationKeys): AttestationKeys {
  if (target.kind !== 'emulator' || !target.throwAway || keys.kind !== 'group-key') return keys;
  if (keys.defaultKey !== null || Object.keys(keys.groups).length > 0) return keys;
  return { ...keys, defaultKey: randomBytes(KEY_BYTES_MAX).toString('base64') };
}

/**
 * Starts the emulator in a separate process, to keep its CPU time apart from the client's. The process is detached: Ctrl-C
 * reaches only this process, which then stops the emulator. The emulator also ends when this process is gone.
 *
 * @param keys of the run: the emulator has an enrollment group for each key, or one for the issuer.
 * @param configFile replaces those groups by its own enrollments; `null` = none.
 */
export async function startEmbeddedEmulator(
  keys: AttestationKeys,
  configFile: string | null,
  ports: EmulatorPorts,
): Promise<EmbeddedEmulator> {
  const folder = newEmulatorFolder();
  try {
    const config = configFile ?? writeEmulatorConfig(folder, keys);
    // Its CA is in a folder of its own, which it removes even when this process has been killed.
    // The run prefers ECDSA, and RSA keys would delay its start.
    const args = ['emulator', '--port', '0', '--server-keys', 'ecdsa'];
    if (ports.transport === 'websocket') args.push('--websocket-port', '0');
    if (ports.withHubs) args.push('--hub-port', '0');
    if (ports.withServiceApi) args.push('--service-port', '0');
    if (config !== null) args.push('--config', config);
    return await startProcess(args, keys, ports);
  } finally {
    // The folder contains keys, which the emulator has read by now.
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startProcess(
  args: readonly string[],
  keys: AttestationKeys,
  { transport }: EmulatorPorts,
): Promise<EmbeddedEmulator> {
  const child = spawn(process.execPath, [packageFile('dist/cli/main.js'), ...args], {
    detached: true,
    env: emulatorEnvironment(keys, process.env),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  // `close` is not emitted after this side has disconnected the channel.
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  try {
    const ready = await readReadyLine(child);
    return {
      pid: child.pid ?? 0,
      host: ready.host,
      port: (transport === 'websocket' ? ready.websocketPort : null) ?? ready.port,
      idScope: ready.idScope,
      caPem: readFileSync(ready.caFile, 'utf8'),
      hubs: ready.hubPort === undefined ? null : { host: ready.host, port: ready.hubPort },
      service: serviceOf(ready),
      async stop() {
        if (child.connected) child.disconnect();
        await ended;
      },
    };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

function serviceOf({ serviceConnectionFile, caFile }: ReadyLine): EmbeddedEmulator['service'] {
  return serviceConnectionFile === undefined ? null : { connectionFile: serviceConnectionFile, caFile };
}

/** The environment of the emulator, whose configuration file may name the run's own key. */
export function emulatorEnvironment(keys: AttestationKeys, environment: Environment): Environment {
  if (keys.kind !== 'group-key' || keys.defaultKey === null) return environment;
  return { ...environment, [GROUP_KEY_VARIABLE]: keys.defaultKey };
}

/** Resolves with the first line of stdout; rejects with the text of stderr if the process ends before. */
function readReadyLine(child: ChildProcess): Promise<ReadyLine> {
  return new Promise((resolve, reject) => {
    let out = '';
    let log = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      // Only the beginning can explain a failed start; the rest is read to keep the pipe from filling up.
      if (log.length < 10_000) log += text;
    });
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      const newline = out.indexOf('\n');
      if (newline >= 0) resolve(JSON.parse(out.slice(0, newline)) as ReadyLine);
    });
    child.once('error', reject);
    // By `close`, all output has been read.
    child.once('close', (code) => reject(failedStart(code, log.trim())));
  });
}

/** A usage error of the emulator is one of this run: it concerns the configuration file. */
function failedStart(code: number | null, log: string): Error {
  if (code !== EXIT_CODE.usage) return new Error(`the embedded emulator did not start: ${log}`);
  return new OperatorError('usage', [problem(`the embedded emulator cannot be started:\n${log.replace(/\.$/, '')}`)]);
}

/** As in the emulator's configuration. */
type EnrollmentGroup = { readonly enrollmentGroupId: string; readonly attestation: object };

/**
 * Writes a configuration with one enrollment group for each key of the run, or one for its issuer. Keys and certificate go to
 * files beside it. Returns `null` if the run has neither.
 */
function writeEmulatorConfig(folder: string, keys: AttestationKeys): string | null {
  if (keys.kind !== 'group-key' && keys.kind !== 'x509-issuer') return null;
  const enrollmentGroups = keys.kind === 'group-key' ? keyGroups(folder, keys) : [issuerGroup(folder, keys.issuer)];
  const config = join(folder, 'emulator.yaml');
  // JSON is YAML.
  const instances = [{ idScope: EMULATOR_ID_SCOPE_DEFAULT, enrollmentGroups }];
  writeFileSync(config, JSON.stringify({ version: 1, instances }));
  return config;
}

/** The first group is that of all rows whose group has no key of its own. */
function keyGroups(folder: string, keys: Extract<AttestationKeys, { kind: 'group-key' }>): readonly EnrollmentGroup[] {
  return [EMULATOR_GROUP_DEFAULT, ...Object.keys(keys.groups)].flatMap((enrollmentGroupId, index) => {
    const keyFile = (rank: string, { defaultKey, groups }: GroupKeys): string | null => {
      const key = index === 0 ? defaultKey : (groups[enrollmentGroupId] ?? null);
      if (key === null) return null;
      const file = join(folder, `group-${index}-${rank}.key`);
      writeFileSync(file, key, { mode: 0o600 });
      return file;
    };
    const primaryKeyFile = keyFile('primary', keys);
    if (primaryKeyFile === null) return [];
    const secondaryKeyFile = keyFile('secondary', keys.secondary);
    const symmetricKey = { primaryKeyFile, ...(secondaryKeyFile === null ? {} : { secondaryKeyFile }) };
    return [{ enrollmentGroupId, attestation: { symmetricKey } }];
  });
}

function issuerGroup(folder: string, { certificatePem }: KeyedCertificate): EnrollmentGroup {
  const primary = join(folder, 'issuer.pem');
  writeFileSync(primary, String(certificatesIn(certificatePem)[0]));
  return { enrollmentGroupId: EMULATOR_GROUP_DEFAULT, attestation: { x509: { signingCertificates: { primary } } } };
}
