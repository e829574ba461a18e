import { expect } from 'vitest';
import { emulatorConfigSchema } from '../../../src/emulator/config/emulator-schema.ts';
import { type FactGroup, missing } from './fact.ts';
import type { FactEmulator } from './fact-bench.ts';

function expectPort(emulator: FactEmulator, name: string): void {
  expect(emulator).toHaveProperty(name, expect.any(Number));
}

const configKeys = () => JSON.stringify(emulatorConfigSchema());

export const otherFacts: FactGroup = {
  title: 'What else belongs to the service',
  sources:
    'AD about-iot-dps.md, concepts-tpm-attestation.md, iot-dps-ip-filtering.md; SPEC (previews); articles/iot/iot-mqtt-connect-to-iot-hub.md',
  facts: [
    missing('other-amqp', '1.2 D', 'AMQP at port 5671, and over WebSocket', async (bench) => {
      expectPort(await bench.emulator(), 'amqpPort');
    }),
    missing('other-csr', '9.2 D', 'Certificate signing requests with api-version 2025-07-01-preview', async (bench) => {
      const answer = await bench.registered('other-csr', { version: '2025-07-01-preview', body: '{"csr":"MIIB"}' });
      expect(answer.status).toBe(202);
    }),
    missing('other-ip-filter', '1.5 D', 'IP filter rules', () => {
      expect(configKeys()).toContain('"ipFilterRules"');
    }),
    missing('other-hub', '8 D', 'The IoT hub at which an assigned device connects', async (bench) => {
      expectPort(await bench.emulator(), 'hubPort');
    }),
  ],
};
