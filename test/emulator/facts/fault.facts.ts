import { expect } from 'vitest';
import type { EmulatorOptions } from '../../../src/emulator/emulator.ts';
import type { Fault, FaultRule } from '../../../src/emulator/service/fault-rule.ts';
import { faultRule } from '../../support/fault-rules.ts';
import { type FactGroup, right } from './fact.ts';
import type { FactBench } from './fact-bench.ts';

const struck = (fault: Fault, points: FaultRule['points'] = ['register']): Partial<EmulatorOptions> => ({
  faults: [faultRule(fault, { points })],
});

const registeredUnder = (bench: FactBench, fault: Fault) => bench.registered('fault-dev', { at: struck(fault) });

export const faultFacts: FactGroup = {
  title: 'Faults worth a switch',
  sources:
    'the issue threads of the SDKs; AD how-to-troubleshoot-dps.md; azure-iot-middleware-freertos PR#220; JAVA, C and CS parsers of retry-after',
  facts: [
    right('fault-drop', 'D10 D', 'Drop the connection at a register request, before PUBACK', async (bench) => {
      const device = await bench.subscribed('fault-dev', { at: struck({ kind: 'disconnect', when: 'before' }) });
      device.publish('$dps/registrations/PUT/iotdps-register/?$rid=1', { qos: 1 });
      expect(await device.receive()).toBeNull();
    }),
    right(
      'fault-drop-puback',
      'D10 D',
      'Drop it after PUBACK: the request is processed, and not answered',
      async (bench) => {
        const at = struck({ kind: 'disconnect', when: 'after-puback' });
        const device = await bench.subscribed('fault-dev', { at });
        device.publish('$dps/registrations/PUT/iotdps-register/?$rid=1', { qos: 1 });
        expect([(await device.receive())?.cmd, await device.receive()]).toEqual(['puback', null]);
        expect([...(await bench.emulator(at)).records()]).toMatchObject([{ registers: 1 }]);
      },
    ),
    right('fault-connack', 'D10 D', 'Delay CONNACK', async (bench) => {
      const startMs = performance.now();
      expect(await bench.connack('fault-dev', { at: struck({ kind: 'slow-connack', delayMs: 40 }, ['connect']) })).toBe(
        0,
      );
      expect(performance.now() - startMs).toBeGreaterThan(39);
    }),
    right('fault-500', 'D10 D', 'Answer 500, 500000, with retry-after and without', async (bench) => {
      for (const retryAfterSeconds of [null, 7]) {
        const { status, body, retryAfter } = await registeredUnder(bench, {
          kind: 'error-answer',
          errorCode: 500000,
          retryAfterSeconds,
        });
        expect([status, body.errorCode, retryAfter]).toEqual([500, 500000, retryAfterSeconds === null ? null : '7']);
      }
    }),
    right('fault-401002', '10 D', 'Refuse an X.509 device now and then with 401002, as users report', async (bench) => {
      const { body } = await registeredUnder(bench, {
        kind: 'error-answer',
        errorCode: 401002,
        retryAfterSeconds: null,
      });
      expect([body.errorCode, body.message]).toEqual([401002, 'Invalid certificate.']);
    }),
    right('fault-duplicate', 'D10 D', 'Answer twice', async (bench) => {
      const device = await bench.subscribed('fault-dev', { at: struck({ kind: 'duplicate-answer' }) });
      const [first, second] = [await device.register(), await device.answer()];
      expect(second).toEqual(first);
    }),
    right('fault-rid', 'D10 D', 'Answer with a request ID that nobody sent', async (bench) => {
      expect((await registeredUnder(bench, { kind: 'foreign-request-id' })).requestId).not.toBe('1');
    }),
    right(
      'fault-retry-after',
      'D10 D',
      'Answer with a retry-after of 0, 1, 120, something that is no number, or none',
      async (bench) => {
        for (const value of ['0', '1', '120', 'soon', null]) {
          expect((await registeredUnder(bench, { kind: 'retry-after', value })).retryAfter).toBe(value);
        }
      },
    ),
    right('fault-silence', '10 D', 'Never answer', async (bench) => {
      const device = await bench.subscribed('fault-dev', { at: struck({ kind: 'lose-answer' }) });
      device.publish('$dps/registrations/PUT/iotdps-register/?$rid=1', { qos: 1 });
      expect([(await device.receive())?.cmd, (await device.exchange({ cmd: 'pingreq' }))?.cmd]).toEqual([
        'puback',
        'pingresp',
      ]);
    }),
    right(
      'fault-connack-3',
      '2.5 D',
      'Refuse CONNECT with any code, such as 3 for a service that is busy',
      async (bench) => {
        expect(
          await bench.connack('fault-dev', { at: struck({ kind: 'refuse-connect', returnCode: 3 }, ['connect']) }),
        ).toBe(3);
      },
    ),
    right('fault-suback', '1.5 D', 'Refuse the subscription with SUBACK 128, which the C SDK knows', async (bench) => {
      const device = await bench.connected('fault-dev', { at: struck({ kind: 'refuse-subscription' }, ['subscribe']) });
      expect(await device.subscribe(1)).toEqual([128]);
    }),
    right(
      'fault-hub',
      '4.2 D',
      'Let the operation fail, as with a hub that refuses the service: 400209',
      async (bench) => {
        const fault: Fault = { kind: 'fail-assignment', errorCode: 400209, errorMessage: 'Unauthorized' };
        const { body } = await bench.assigned('fault-dev', { at: struck(fault, ['assignment']) });
        expect(body.registrationState).toMatchObject({ status: 'failed', errorCode: 400209 });
      },
    ),
  ],
};
