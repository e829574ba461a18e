import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { connectAsync } from 'mqtt';
import { generate, type Packet, parser } from 'mqtt-packet';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { buildSasToken } from '../../src/dps/sas-token.ts';
import type { Emulator } from '../../src/emulator/emulator.ts';
import { connectPacket, registerPacket, subscribePacket } from './device-packets.ts';
import { GROUP_KEY, ID_SCOPE } from './emulated-instance.ts';
import { SdkDevices } from './sdk-devices.ts';

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';
export type KeyType = 'RSA' | 'ECDSA';

/** What a client may use, and no more. */
export type ForcedTls = { readonly version: TlsVersion; readonly key: KeyType };

/** Of TLS 1.2, where they decide; the suites of TLS 1.3 say nothing of keys. */
const SUITES: Readonly<Record<KeyType, string>> = {
  RSA: 'ECDHE-RSA-AES128-GCM-SHA256',
  ECDSA: 'ECDHE-ECDSA-AES128-GCM-SHA256',
};

/** With TLS 1.3 they decide. RSA with PKCS 1 can sign no handshake there: it is for the chain, which is RSA for either key. */
const SIGNATURES: Readonly<Record<KeyType, string>> = {
  RSA: 'RSA-PSS+SHA256:RSA+SHA256',
  ECDSA: 'ECDSA+SHA256:RSA+SHA256',
};

type Registering = {
  readonly emulator: Emulator;
  readonly id: string;
  readonly forced: ForcedTls;
  /** For files. */
  readonly folder: string;
};

/** A client that shares no code with the emulator. */
export type ForeignClient = {
  readonly name: string;
  /** The Debian package, or the module, without which it cannot run. */
  readonly needs: string;
  readonly isInstalled: () => boolean;
  /** Registers a device; resolves when the client has got its answer. */
  readonly register: (task: Registering) => Promise<void>;
};

const runs = (command: string, ...args: readonly string[]): boolean => spawnSync(command, args).status === 0;

const tokenOf = (id: string): string => buildSasToken(ID_SCOPE, id, deriveDeviceKey(GROUP_KEY, id), 4_000_000_000);

/** Makes OpenSSL, whoever calls it, use this version and these signatures: mosquitto takes a version as the least that it wants. */
function opensslConfig(folder: string, { version, key }: ForcedTls): string {
  const file = join(folder, `${version}-${key}.cnf`);
  const lines = [
    'openssl_conf = init',
    '[init]',
    'ssl_conf = ssl',
    '[ssl]',
    'system_default = defaults',
    '[defaults]',
    `MinProtocol = ${version}`,
    `MaxProtocol = ${version}`,
    `SignatureAlgorithms = ${SIGNATURES[key]}`,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

const mosquitto: ForeignClient = {
  name: 'mosquitto_rr',
  needs: 'mosquitto-clients',
  isInstalled: () => spawnSync('mosquitto_rr', ['--help']).error === undefined,
  async register({ emulator, id, forced, folder }) {
    const { version, key } = forced;
    const connection = ['-h', 'localhost', '-p', String(emulator.port), '--cafile', emulator.caFile, '-V', 'mqttv311'];
    const tls = ['--tls-version', version.toLowerCase(), ...(version === 'TLSv1.2' ? ['--ciphers', SUITES[key]] : [])];
    const device = ['-i', id, '-u', `${ID_SCOPE}/registrations/${id}/api-version=2021-06-01`, '-P', tokenOf(id)];
    const topics = [
      '-t',
      '$dps/registrations/PUT/iotdps-register/?$rid=1',
      '-e',
      '$dps/registrations/res/202/?$rid=1&retry-after=3',
    ];
    const args = [...connection, ...tls, ...device, ...topics, '-q', '1', '-m', '{}', '-W', '20'];
    const env = { ...process.env, OPENSSL_CONF: opensslConfig(folder, forced) };
    const { stdout } = await promisify(execFile)('mosquitto_rr', args, { env });
    expectAssigning(stdout);
  },
};

const openssl: ForeignClient = {
  name: 'openssl s_client',
  needs: 'openssl',
  isInstalled: () => runs('openssl', 'version'),
  async register({ emulator, id, forced: { version, key } }) {
    const where = ['-connect', `localhost:${emulator.port}`, '-servername', 'localhost'];
    const trust = ['-CAfile', emulator.caFile, '-verify_return_error', '-verify_hostname', 'localhost'];
    const tls = version === 'TLSv1.2' ? ['-tls1_2', '-cipher', SUITES[key]] : ['-tls1_3'];
    const child = spawn('openssl', ['s_client', '-quiet', ...where, ...trust, ...tls, '-sigalgs', SIGNATURES[key]]);
    for (const packet of [connectPacket(id), subscribePacket(), registerPacket('1')])
      child.stdin.write(generate(packet));
    const packets = parser();
    const answered = new Promise<Packet>((resolve, reject) => {
      packets.on('packet', (packet) => packet.cmd === 'publish' && resolve(packet));
      child.once('exit', (code) => reject(new Error(`openssl ended with ${code}`)));
    });
    child.stdout.on('data', (bytes: Buffer) => packets.parse(bytes));
    const answer = await answered;
    const ended = once(child, 'close');
    child.kill();
    await ended;
    expectAssigning(answer.cmd === 'publish' ? answer.payload.toString() : '');
  },
};

const mqttJs: ForeignClient = {
  name: 'MQTT.js',
  needs: 'mqtt',
  isInstalled: () => true,
  async register({ emulator, id, forced: { version, key } }) {
    // MQTT.js hands on what it does not know itself.
    const suites = version === 'TLSv1.2' ? { ciphers: SUITES[key] } : {};
    const tls: object = { ...suites, sigalgs: SIGNATURES[key], minVersion: version, maxVersion: version };
    const client = await connectAsync(`mqtts://localhost:${emulator.port}`, {
      ca: emulator.caPem,
      ...tls,
      clientId: id,
      username: `${ID_SCOPE}/registrations/${id}/api-version=2021-06-01`,
      password: tokenOf(id),
      reconnectPeriod: 0,
    });
    await client.subscribeAsync('$dps/registrations/res/#', { qos: 1 });
    const answer = new Promise<string>((resolve) =>
      client.once('message', (_, payload) => resolve(payload.toString())),
    );
    await client.publishAsync('$dps/registrations/PUT/iotdps-register/?$rid=1', '');
    expectAssigning(await answer);
    await client.endAsync();
  },
};

const nodeSdk: ForeignClient = {
  name: "Microsoft's Node SDK",
  needs: 'azure-iot-provisioning-device-mqtt',
  isInstalled: () => true,
  async register({ emulator, id, forced, folder }) {
    const { version, key } = forced;
    const versions = version === 'TLSv1.2' ? `--tls-max-v1.2 --tls-cipher-list=${SUITES[key]}` : '--tls-min-v1.3';
    const NODE_OPTIONS = `${versions} --openssl-shared-config`;
    const devices = new SdkDevices(emulator, { NODE_OPTIONS, OPENSSL_CONF: opensslConfig(folder, forced) });
    const { result, message } = await devices.register({ registrationId: id, key: deriveDeviceKey(GROUP_KEY, id) });
    await devices.end();
    if (result?.['status'] !== 'assigned') throw new Error(message ?? JSON.stringify(result));
  },
};

const paho: ForeignClient = {
  name: 'Eclipse Paho for Python',
  needs: 'python3-paho-mqtt',
  isInstalled: () => runs('python3', '-c', 'import paho.mqtt.client'),
  async register({ emulator, id, forced, folder }) {
    const script = fileURLToPath(new URL('paho-device.py', import.meta.url));
    const device = [String(emulator.port), emulator.caFile, ID_SCOPE, id, tokenOf(id)];
    const tls = [forced.version.replace('.', '_'), SUITES[forced.key]];
    const env = { ...process.env, OPENSSL_CONF: opensslConfig(folder, forced) };
    const { stdout } = await promisify(execFile)('python3', [script, ...device, ...tls], { env });
    if (JSON.parse(stdout).status !== 'assigned') throw new Error(stdout);
  },
};

function expectAssigning(text: string): void {
  if (JSON.parse(text).status !== 'assigning') throw new Error(text);
}

export const FOREIGN_CLIENTS: readonly ForeignClient[] = [mosquitto, openssl, mqttJs, nodeSdk, paho];
