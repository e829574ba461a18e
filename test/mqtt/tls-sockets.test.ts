import { once } from 'node:events';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ClientCertificate } from '../../src/conversation/client-certificate.ts';
import type { MqttEvent } from '../../src/mqtt/mqtt-connection.ts';
import { mqttJsConnections } from '../../src/mqtt/mqtt-js-connection.ts';
import { tlsDialler } from '../../src/mqtt/tls-dialler.ts';
import {
  closeDeviceContext,
  openDeviceContext,
  TLS_CHOICES_DEFAULT,
  type TlsChoices,
  tlsSockets,
} from '../../src/mqtt/tls-sockets.ts';
import { hrtimeMs, systemClock } from '../../src/time/system-clock.ts';
import { authority, deviceCertificate } from '../support/certificates.ts';
import { TEST_IDENTITY } from '../support/recorded-connection.ts';
import { createTestCa, type TestCa } from '../support/test-certificates.ts';
import { startTlsWitness, type TlsWitness } from '../support/tls-witness.ts';

let ca: TestCa;
let device: ClientCertificate;
let otherDevice: ClientCertificate;
let witness: TlsWitness | null = null;

beforeAll(async () => {
  ca = await createTestCa();
  const root = await authority('Root');
  const line = await authority('Line A', root);
  const present = async (name: string): Promise<ClientCertificate> => {
    const leaf = await deviceCertificate(name, line);
    return { chainPem: leaf.certificatePem + line.certificatePem, privateKeyPem: leaf.privateKeyPem };
  };
  [device, otherDevice] = await Promise.all([present('dev-1'), present('dev-2')]);
});

afterEach(async () => {
  await witness?.close();
  witness = null;
});

async function serve(...args: Parameters<typeof startTlsWitness> | []): Promise<TlsWitness> {
  const [certificate = await ca.issue(), options] = args;
  witness = await startTlsWitness(certificate, options);
  return witness;
}

/** Rejects when the connection ends with an error. */
async function handshake(
  { port }: TlsWitness,
  choices: Partial<TlsChoices> = {},
  certificates: readonly (ClientCertificate | null)[] = [null],
  caPems: readonly string[] = [ca.certPem],
): Promise<void> {
  const open = tlsSockets({ host: '127.0.0.1', port, caPems, addresses: null }, { ...TLS_CHOICES_DEFAULT, ...choices });
  await Promise.all(certificates.map((certificate) => once(open(certificate).resume(), 'close')));
}

describe('a client certificate', () => {
  it.each([[true], [false]])('is presented with its intermediates (caOnly: %s)', async (caOnly) => {
    const server = await serve();
    await handshake(server, { caOnly }, [device, otherDevice, null]);
    const seen = server.handshakes.map(({ subjects }) => subjects.join(' < ')).sort();
    expect(seen).toEqual(['', 'CN=dev-1 < CN=Line A', 'CN=dev-2 < CN=Line A']);
  });

  it('is not shown to a server of an unknown CA', async () => {
    const server = await serve();
    const code = 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';
    await expect(handshake(server, {}, [device], [])).rejects.toMatchObject({ code });
    expect(server.handshakes).toEqual([]);
  });

  it('is not shown to a server of another name', async () => {
    const stranger = await serve(await ca.issue({ hosts: ['elsewhere.example'] }));
    await expect(handshake(stranger, {}, [device])).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    expect(stranger.handshakes).toEqual([]);
  });

  it('leaves no context behind', () => {
    const context = openDeviceContext(device, [ca.certPem], TLS_CHOICES_DEFAULT);
    const close = vi.spyOn(context.context, 'close');
    closeDeviceContext(context);
    expect(close).toHaveBeenCalledOnce();
  });
});

describe('a client certificate that cannot be used', () => {
  it.each<[name: string, certificate: () => ClientCertificate, message: RegExp]>([
    ['with the key of another', () => ({ ...device, privateKeyPem: otherDevice.privateKeyPem }), /key values mismatch/],
    ['that is no PEM', () => ({ ...device, chainPem: 'no PEM' }), /no start line/],
    ['with a key that is no PEM', () => ({ ...device, privateKeyPem: 'no PEM' }), /DECODER|no start line/],
  ])('%s is lost as client-certificate, before anything is sent', async (_name, certificate, message) => {
    const dial = tlsDialler({ host: '127.0.0.1', port: 9, caPems: [], addresses: null });
    const open = mqttJsConnections(dial, systemClock(hrtimeMs()));
    const events: MqttEvent[] = [];
    await new Promise<void>((resolve) => {
      open({ ...TEST_IDENTITY, clientCertificate: certificate() }, (event) => {
        events.push(event);
        resolve();
      });
      expect(events).toEqual([]);
    });
    expect(events).toMatchObject([{ type: 'lost', failure: { code: 'client-certificate', message } }]);
  });
});

describe('TLS choices', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('%s is spoken when it is the only one allowed', async (version) => {
    const server = await serve();
    await handshake(server, { versionMin: version, versionMax: version }, [null, device]);
    expect(server.handshakes.map(({ protocol }) => protocol)).toEqual([version, version]);
  });

  it('a server without a version in common is refused', async () => {
    const server = await serve(await ca.issue(), { maxVersion: 'TLSv1.2' });
    await expect(handshake(server, { versionMin: 'TLSv1.3' })).rejects.toThrow(/version|alert/i);
  });

  it('sends the server name, and expects the certificate to bear it', async () => {
    const server = await serve(await ca.issue({ hosts: ['dps.example'] }));
    await handshake(server, { serverName: 'dps.example' });
    expect(server.handshakes).toMatchObject([{ serverName: 'dps.example' }]);
    await expect(handshake(server)).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  });

  it('the source addresses are taken in turn', async () => {
    const server = await serve();
    const localAddresses = ['127.0.0.2', '127.0.0.3'];
    await handshake(server, { localAddresses }, [null, null, null, null]);
    const sources = server.handshakes.map(({ remoteAddress }) => remoteAddress).sort();
    expect(sources).toEqual(['127.0.0.2', '127.0.0.2', '127.0.0.3', '127.0.0.3']);
  });
});
