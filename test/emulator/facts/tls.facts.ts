import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { generate } from 'mqtt-packet';
import { expect } from 'vitest';
import { presentedCertificates } from '../../../src/certificates/certificate-chain.ts';
import type { EmulatorOptions } from '../../../src/emulator/emulator.ts';
import { authority, deviceCertificate } from '../../support/certificates.ts';
import { connectPacket } from '../../support/device-packets.ts';
import { choice, type Fact, type FactGroup, right } from './fact.ts';
import type { FactBench } from './fact-bench.ts';

const BOTH_KEYS: Partial<EmulatorOptions> = { serverKeys: 'both' };

type Handshake = {
  readonly protocol: string | null;
  readonly suite: string;
  readonly chain: readonly X509Certificate[];
};

/** What a device with these TLS options gets; `chain` includes the root, which is not sent. */
async function handshake(bench: FactBench, tls: object, at = BOTH_KEYS): Promise<Handshake> {
  const device = await bench.connected('tls-device', { at, tls });
  const { socket } = device;
  expect(socket.authorized).toBe(true);
  const chain = [...presentedCertificates(socket), new X509Certificate((await bench.emulator(at)).caPem)];
  const [protocol, { name: suite }] = [socket.getProtocol(), socket.getCipher()];
  device.close();
  return { protocol, suite, chain };
}

/** The documentation's recommended suites, in the words of OpenSSL. */
const SUITES = [
  ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ec'],
  ['ECDHE-ECDSA-AES256-GCM-SHA384', 'ec'],
  ['ECDHE-ECDSA-AES128-SHA256', 'ec'],
  ['ECDHE-ECDSA-AES256-SHA384', 'ec'],
  ['ECDHE-RSA-AES128-GCM-SHA256', 'rsa'],
  ['ECDHE-RSA-AES256-GCM-SHA384', 'rsa'],
  ['ECDHE-RSA-AES128-SHA256', 'rsa'],
  ['ECDHE-RSA-AES256-SHA384', 'rsa'],
  // Legacy, in older revisions.
  ['AES128-GCM-SHA256', 'rsa'],
] as const;

const NAMES = { ec: 'ECDSA', rsa: 'RSA' } as const;

const suiteFacts: readonly Fact[] = SUITES.map(([ciphers, key]) =>
  right(
    `tls-${ciphers}`,
    '1.3 D',
    `A device with ${ciphers} alone gets the ${NAMES[key]} certificate`,
    async (bench) => {
      const { suite, chain } = await handshake(bench, { ciphers });
      expect([suite, chain[0]?.publicKey.asymmetricKeyType]).toEqual([ciphers, key]);
    },
  ),
);

export const tlsFacts: FactGroup = {
  title: 'TLS',
  sources:
    'AD tls-support.md; articles/iot-hub/migrate-tls-certificate.md; AD concepts-x509-attestation.md; SDKC az_iot_provisioning_client.c',
  facts: [
    right('tls-12', '1.3 D', 'TLS 1.2 is offered', async (bench) => {
      expect((await handshake(bench, { maxVersion: 'TLSv1.2' })).protocol).toBe('TLSv1.2');
    }),
    right('tls-11', '1.3 D', 'TLS 1.1 and older are refused', async (bench) => {
      const tls = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
      await expect(bench.opened({ tls })).rejects.toThrow(/alert protocol version|unsupported protocol/);
    }),
    choice(
      ['tls-13', '1.3', 'A device that offers TLS 1.3 as well gets TLS 1.2'],
      'TLS 1.3 is not documented for the service',
      'behavior.offersTls13',
      async (bench) => {
        expect((await handshake(bench, {})).protocol).toBe('TLSv1.2');
        const at = { ...BOTH_KEYS, behavior: { offersTls13: true } };
        expect((await handshake(bench, {}, at)).protocol).toBe('TLSv1.3');
        expect((await handshake(bench, { maxVersion: 'TLSv1.2' }, at)).protocol).toBe('TLSv1.2');
        const { chain } = await handshake(bench, { sigalgs: 'RSA-PSS+SHA256:RSA+SHA256' }, at);
        expect(chain[0]?.publicKey.asymmetricKeyType).toBe('rsa');
      },
    ),
    ...suiteFacts,
    choice(
      ['tls-preference', '1.3', 'A device that offers suites with RSA and with ECDSA gets ECDSA'],
      'an RSA signature costs a load test many times as much',
      '--server-keys',
      async (bench) => {
        const rsa = 'ECDHE-RSA-AES128-GCM-SHA256';
        const lists = [`${rsa}:ECDHE-ECDSA-AES128-GCM-SHA256`, `${rsa}:ECDHE-ECDSA-AES128-SHA256`];
        // Without a list: the suites of Node.
        for (const tls of [{}, ...lists.map((ciphers) => ({ ciphers }))]) {
          expect((await handshake(bench, tls)).suite).toMatch(/^ECDHE-ECDSA-/);
        }
      },
    ),
    right('tls-no-suite', '1.3 D', 'A device without a common suite fails the handshake', async (bench) => {
      await expect(bench.opened({ tls: { ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' } })).rejects.toThrow(
        /handshake failure/,
      );
    }),
    right(
      'tls-sigalgs',
      '1.3 I',
      'A device that verifies RSA signatures alone finds no ECDSA in the chain',
      async (bench) => {
        const { chain } = await handshake(bench, { sigalgs: 'RSA+SHA256:RSA+SHA384' });
        expect(new Set(chain.map(({ publicKey }) => publicKey.asymmetricKeyType))).toEqual(new Set(['rsa']));
      },
    ),
    right(
      'tls-chain',
      '1.3 D',
      'The chain has three certificates: a root that the device trusts, an intermediate, the server',
      async (bench) => {
        const { chain } = await handshake(bench, {});
        expect(chain).toHaveLength(3);
        chain.forEach((one, index) => {
          expect(one.verify((chain[index + 1] ?? one).publicKey)).toBe(true);
        });
      },
    ),
    choice(
      ['tls-hash', '1.3 D', 'Certificates are signed with SHA-256, although devices are told to support SHA-384'],
      'every device verifies it',
      '--server-hash',
      async (bench) => {
        const { chain } = await handshake(bench, { ciphers: 'ECDHE-RSA-AES128-GCM-SHA256', sigalgs: 'RSA+SHA256' });
        expect(chain).toHaveLength(3);
      },
    ),
    choice(
      ['tls-no-sni', '1.3', 'A device without a server name (SNI) is served; the log mentions the first'],
      'nobody knows whether the service needs it',
      null,
      async (bench) => {
        const emulator = await bench.emulator(BOTH_KEYS);
        const { host, port, caPem: ca } = emulator;
        for (const _ of [1, 2]) {
          const socket = connect({ host, port, ca });
          await once(socket, 'secureConnect');
          socket.destroy();
        }
        expect(emulator.logged.filter((line) => line.includes('(SNI)'))).toHaveLength(1);
      },
    ),
    choice(
      ['tls-sni', 'D1', 'Any server name is accepted'],
      'it stands for every host of the service',
      null,
      async (bench) => {
        const { host, port, caPem: ca } = await bench.emulator();
        const checkServerIdentity = () => undefined;
        const socket = connect({
          host,
          port,
          ca,
          checkServerIdentity,
          servername: 'global.azure-devices-provisioning.net',
        });
        await once(socket, 'secureConnect');
        expect(socket.authorized).toBe(true);
        socket.destroy();
      },
    ),
    right('tls-client-certificate', '1.3 I', 'A client certificate is requested, and may be absent', async (bench) => {
      // No certificate in every other check. A device hears of the request when it has one to send.
      expect(await bench.connack('tls-cert', { key: null, tls: await certificateOf('tls-cert') })).toBe(0);
    }),
    right(
      'tls-untrusted',
      '1.3 D',
      'An unacceptable client certificate passes the handshake and CONNECT; the register request gets 401',
      async (bench) => {
        const answer = await bench.registered('tls-foreign', { key: null, tls: await certificateOf('tls-foreign') });
        expect([answer.status, answer.body.errorCode]).toEqual([401, 401002]);
      },
    ),
    right('tls-plain', '1.2 D', 'MQTT without TLS is not offered', async (bench) => {
      const { host, port } = await bench.emulator();
      const socket = connectTcp({ host, port });
      socket.on('error', () => {});
      socket.write(generate(connectPacket('plain')));
      const received = await firstBytes(socket as TLSSocket);
      expect(received?.[0] === 0x20).toBe(false);
      socket.destroy();
    }),
  ],
};

/** Self-signed by nobody whom the emulator knows. */
async function certificateOf(id: string): Promise<object> {
  const { certificatePem, privateKeyPem } = await deviceCertificate(id, await authority('Nobody'));
  return { cert: certificatePem, key: privateKeyPem };
}

/** `null` = closed without a word. */
async function firstBytes(socket: TLSSocket): Promise<Buffer | null> {
  return await Promise.race([
    once(socket, 'data').then(([bytes]) => bytes as Buffer),
    new Promise<null>((resolve) => socket.once('close', () => resolve(null))),
  ]);
}
