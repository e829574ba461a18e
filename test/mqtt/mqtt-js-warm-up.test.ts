import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { mqttJsConnections } from '../../src/mqtt/mqtt-js-connection.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** What mqtt-packet fills with its first packet: every number of two bytes. */
const { cache } = createRequire(import.meta.url)('mqtt-packet/numbers') as { readonly cache: Record<number, Buffer> };

it('MQTT.js is warm before the first device connects: filling the cache of mqtt-packet takes longer than a whole handshake', () => {
  const dialled: unknown[] = [];
  mqttJsConnections((...dial) => {
    dialled.push(dial);
    throw new Error('nothing is dialled');
  }, new VirtualClock());
  expect(Object.keys(cache)).toHaveLength(65_536);
  expect(dialled).toEqual([]);
});
