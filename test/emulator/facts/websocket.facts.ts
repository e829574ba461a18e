import { once } from 'node:events';
import { createConnection } from 'node:net';
import { generate } from 'mqtt-packet';
import { expect } from 'vitest';
import { createWebSocketStream, WebSocket } from 'ws';
import type { EmulatorOptions } from '../../../src/emulator/emulator.ts';
import { authority, deviceCertificate, x509Group } from '../../support/certificates.ts';
import { connectPacket, registerPacket, subscribePacket } from '../../support/device-packets.ts';
import { emulatedInstance, ID_SCOPE } from '../../support/emulated-instance.ts';
import { type Fact, type FactGroup, right } from './fact.ts';
import { type FactBench, FactDevice } from './fact-bench.ts';

const OFFERED: Partial<EmulatorOptions> = { websocketPort: 0 };

async function open(
  bench: FactBench,
  path: string,
  subprotocol: string,
  at = OFFERED,
  tls: object = {},
): Promise<WebSocket> {
  const { websocketPort, caPem } = await bench.emulator(at);
  const socket = new WebSocket(`wss://localhost:${websocketPort}${path}`, subprotocol, { ca: caPem, ...tls });
  await once(socket, 'open');
  return socket;
}

const CLIENTS: readonly (readonly [sdk: string, path: string, subprotocol: string])[] = [
  ['Node and Python', '/$iothub/websocket', 'mqtt'],
  ['C', '/$iothub/websocket', 'MQTT'],
  ['C# and Java', '/', 'mqtt'],
];

const clientFacts: readonly Fact[] = CLIENTS.map(([sdk, path, subprotocol]) =>
  right(
    `ws-${sdk.split(' ')[0]?.toLowerCase()}`,
    'B D',
    `As ${sdk} connect: path \`${path}\`, subprotocol \`${subprotocol}\`, which is echoed`,
    async (bench) => {
      const socket = await open(bench, path, subprotocol);
      expect(socket.protocol).toBe(subprotocol);
      const device = deviceOf(socket);
      expect(await device.exchange(connectPacket('ws'))).toMatchObject({ returnCode: 0 });
      await device.subscribe(1);
      expect((await device.register()).status).toBe(202);
      socket.terminate();
    },
  ),
);

function deviceOf(socket: WebSocket): FactDevice {
  // biome-ignore lint/suspicious/noExplicitAny: a device needs a stream, whatever lies below
  return new FactDevice(createWebSocketStream(socket) as any);
}

export const websocketFacts: FactGroup = {
  title: 'MQTT over WebSocket',
  sources:
    'NODE mqtt_ws.ts; PY mqtt_transport.py; C prov_transport_mqtt_ws_client.c; CS ProvisioningTransportHandlerMqtt.cs; JAVA MqttConnection.java',
  facts: [
    ...clientFacts,
    right('ws-any-path', 'B I', 'Any other path is accepted', async (bench) => {
      (await open(bench, '/anything?iothub-no-client-cert=true', 'mqtt')).terminate();
    }),
    right('ws-frames', 'B D', 'MQTT packets may share a frame, or span several', async (bench) => {
      const socket = await open(bench, '/', 'mqtt');
      const device = deviceOf(socket);
      const bytes = Buffer.concat([
        generate(connectPacket('ws')),
        generate(subscribePacket()),
        generate(registerPacket('1')),
      ]);
      socket.send(bytes.subarray(0, 20));
      socket.send(bytes.subarray(20));
      expect([(await device.receive())?.cmd, (await device.receive())?.cmd]).toEqual(['connack', 'suback']);
      expect((await device.answer()).status).toBe(202);
      socket.terminate();
    }),
    right(
      'ws-x509',
      'B D',
      'X.509 attestation takes the client certificate of the WebSocket connection',
      async (bench) => {
        const root = await authority('Root');
        const { certificatePem: cert, privateKeyPem: key } = await deviceCertificate('ws-x', root);
        const at = { ...OFFERED, instances: [emulatedInstance({ enrollmentGroups: [x509Group('line', root)] })] };
        const socket = await open(bench, '/', 'mqtt', at, { cert, key });
        const device = deviceOf(socket);
        const username = `${ID_SCOPE}/registrations/ws-x/api-version=2021-06-01`;
        expect(await device.exchange({ cmd: 'connect', clientId: 'ws-x', username })).toMatchObject({ returnCode: 0 });
        await device.subscribe(1);
        expect((await device.register()).status).toBe(202);
        socket.terminate();
      },
    ),
    right('ws-subprotocol', 'B I', 'Without the subprotocol, the upgrade is refused', async (bench) => {
      await expect(open(bench, '/', 'amqp')).rejects.toThrow(/400/);
    }),
    right('ws-tls', 'B D', 'It is WebSocket over TLS alone', async (bench) => {
      const { websocketPort } = await bench.emulator(OFFERED);
      const socket = createConnection({ host: '127.0.0.1', port: websocketPort ?? 0 });
      socket.on('error', () => {});
      socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
      let received = '';
      socket.on('data', (bytes) => {
        received += bytes.toString('latin1');
      });
      await new Promise((resolve) => socket.once('close', resolve));
      expect(received).not.toMatch(/^HTTP/);
    }),
  ],
};
