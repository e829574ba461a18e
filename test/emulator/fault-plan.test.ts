import { describe, expect, it } from 'vitest';
import type { ServiceAnswer } from '../../src/emulator/service/answer.ts';
import { DeviceCounts } from '../../src/emulator/service/device-counts.ts';
import { FAULT_RECORDS_MAX, FaultPlan } from '../../src/emulator/service/fault-plan.ts';
import type { Fault, FaultRule } from '../../src/emulator/service/fault-rule.ts';
import { ProvisioningService } from '../../src/emulator/service/provisioning-service.ts';
import { deliveries, requestHandling } from '../../src/emulator/service/request-handling.ts';
import { SERVICE_BEHAVIOR_DEFAULT } from '../../src/emulator/service/service-behavior.ts';
import { connectedDevice } from '../support/connected-device.ts';
import { emulatedInstance } from '../support/emulated-instance.ts';
import { faultRule } from '../support/fault-rules.ts';
import { heapMegabytes } from '../support/heap.ts';

const START_MS = Date.UTC(2026, 0, 1);
const LOST: Fault = { kind: 'lose-answer' };

const plan = (...rules: readonly FaultRule[]): FaultPlan => new FaultPlan(rules, 1, START_MS);
const isStruck = (faults: FaultPlan, id: string, atMs = 0): boolean =>
  faults.next('register', id, START_MS + atMs) !== null;

describe('which requests are struck', () => {
  it.each([
    ['line-a-1', 'line-a-*', true],
    ['LINE-A-1', 'line-a-*', true],
    ['line-b-1', 'line-a-*', false],
    ['x-line-a-1', 'line-a-*', false],
    ['dev.1', 'dev.1', true],
    ['devx1', 'dev.1', false],
    ['a-middle-z', 'a*z', true],
    ['anything', '*', true],
  ])('%s by %s: %s', (id, registrationIds, expected) => {
    expect(isStruck(plan(faultRule(LOST, { registrationIds })), id)).toBe(expected);
  });

  it('those at the point of the rule only', () => {
    const faults = plan(faultRule(LOST, { points: ['poll'] }));
    expect(faults.next('register', 'a', START_MS)).toBeNull();
    expect(faults.next('poll', 'a', START_MS)).toEqual(LOST);
  });

  it('those in the time of the rule only', () => {
    const faults = plan(faultRule(LOST, { fromMs: 1_000, untilMs: 2_000 }));
    expect([999, 1_000, 1_999, 2_000].map((atMs) => isStruck(faults, 'a', atMs))).toEqual([false, true, true, false]);
  });

  it('a share of them, the same with the same seed, others with another', () => {
    const struckWith = (seed: number): readonly boolean[] => {
      const faults = new FaultPlan([faultRule(LOST, { share: 0.3 })], seed, START_MS);
      return Array.from({ length: 10_000 }, (_, n) => isStruck(faults, `device-${n % 100}`));
    };
    const struck = struckWith(1);
    // Five standard deviations of 10,000 draws.
    expect(Math.abs(struck.filter(Boolean).length - 3_000)).toBeLessThan(5 * Math.sqrt(10_000 * 0.3 * 0.7));
    expect(struckWith(1)).toEqual(struck);
    expect(struckWith(2)).not.toEqual(struck);
  });

  it('one device so often at most', () => {
    const faults = plan(faultRule(LOST, { timesPerDevice: 2 }));
    expect([1, 2, 3].map(() => isStruck(faults, 'a'))).toEqual([true, true, false]);
    expect(isStruck(faults, 'b')).toBe(true);
  });

  it('by the first rule that strikes', () => {
    const faults = plan(faultRule(LOST, { timesPerDevice: 1 }), faultRule({ kind: 'duplicate-answer' }));
    const kinds = [1, 2].map(() => faults.next('register', 'a', START_MS)?.kind);
    expect(kinds).toEqual(['lose-answer', 'duplicate-answer']);
  });

  it('before CONNECT by rules for all devices only', () => {
    const fault: Fault = { kind: 'refuse-tls' };
    expect(plan(faultRule(fault)).next('handshake', null, START_MS)).toEqual(fault);
    expect(plan(faultRule(fault, { registrationIds: 'a*' })).next('handshake', null, START_MS)).toBeNull();
  });

  it('and each is recorded', () => {
    const faults = plan(faultRule(LOST));
    isStruck(faults, 'a', 500);
    expect(faults.records).toEqual([
      { kind: 'fault', fault: 'lose-answer', point: 'register', registrationId: 'a', atMs: 500 },
    ]);
  });
});

describe('what is remembered of strangers', () => {
  it('is not their text, however long', () => {
    const faults = plan(faultRule(LOST, { share: 0.5, timesPerDevice: 1_000 }));
    const before = heapMegabytes();
    for (let n = 0; n < 1_000; n += 1) isStruck(faults, `${n}-${String.fromCharCode(97 + (n % 26)).repeat(60_000)}`);
    expect(heapMegabytes() - before).toBeLessThan(6);
    expect(faults.records.length).toBeGreaterThan(300);
    expect(faults.records.every(({ registrationId }) => (registrationId ?? '').length < 200)).toBe(true);
  });

  it('is the latest faults, with the number of those before', () => {
    const faults = plan(faultRule(LOST));
    for (let n = 0; n <= FAULT_RECORDS_MAX; n += 1) isStruck(faults, `dev-${n}`);
    const { records, droppedRecords } = faults;
    expect(droppedRecords).toBe(FAULT_RECORDS_MAX / 10);
    expect(records.length + droppedRecords).toBe(FAULT_RECORDS_MAX + 1);
    expect([records[0], records.at(-1)]).toMatchObject([
      { registrationId: `dev-${droppedRecords}` },
      { registrationId: `dev-${FAULT_RECORDS_MAX}` },
    ]);
  });

  it('is how often the latest of them were struck', () => {
    const counts = new DeviceCounts(2);
    for (const device of ['a', 'b', 'a', 'c']) counts.add(device);
    expect(['a', 'b', 'c'].map((device) => counts.of(device))).toEqual([0, 1, 1]);
  });
});

describe('what becomes of a struck request', () => {
  const normal = { isAcknowledged: true, isProcessed: true, isAnswered: true, closes: null };
  it.each<[Fault | null, object]>([
    [null, normal],
    [{ kind: 'lose-request' }, { ...normal, isProcessed: false, isAnswered: false }],
    [{ kind: 'lose-puback' }, { ...normal, isAcknowledged: false }],
    [{ kind: 'lose-answer' }, { ...normal, isAnswered: false }],
    [{ kind: 'delay-answer', delayMs: 1 }, normal],
    [
      { kind: 'disconnect', when: 'after-puback' },
      { ...normal, isAnswered: false, closes: 'after-puback' },
    ],
    [
      { kind: 'disconnect', when: 'after' },
      { ...normal, closes: 'after' },
    ],
  ])('%j', (fault, expected) => {
    expect(requestHandling(fault)).toEqual(expected);
  });
});

describe('how its answer arrives', () => {
  const answer: ServiceAnswer = { status: 202, retryAfterSeconds: 3, body: '{"status":"assigning"}', refusal: null };
  const topic = '$dps/registrations/res/202/?$rid=1&retry-after=3';
  const normal = { topic, body: answer.body, afterMs: 0, isHeld: false };
  it.each<[Fault | null, object[]]>([
    [null, [normal]],
    [{ kind: 'delay-answer', delayMs: 40 }, [{ ...normal, afterMs: 40 }]],
    [{ kind: 'duplicate-answer' }, [normal, normal]],
    [{ kind: 'reorder-answer' }, [{ ...normal, isHeld: true }]],
    [{ kind: 'foreign-request-id' }, [{ ...normal, topic: topic.replace('=1', '=nobody-asked') }]],
    [{ kind: 'retry-after', value: null }, [{ ...normal, topic: '$dps/registrations/res/202/?$rid=1' }]],
    [{ kind: 'retry-after', value: '-1' }, [{ ...normal, topic: topic.replace('=3', '=-1') }]],
    [{ kind: 'malform-answer', form: 'no-json' }, [{ ...normal, body: expect.stringContaining('<html>') }]],
    [{ kind: 'malform-answer', form: 'truncated' }, [{ ...normal, body: '{"status":"' }]],
    [{ kind: 'malform-answer', form: 'empty' }, [{ ...normal, body: '' }]],
    [{ kind: 'malform-answer', form: 'no-status' }, [{ ...normal, body: '{}' }]],
    [{ kind: 'malform-answer', form: 'unknown-topic' }, [{ ...normal, topic: '$dps/registrations/res/' }]],
  ])('%j', (fault, expected) => {
    expect(deliveries(answer, '1', fault)).toEqual(expected);
  });
});

describe('a struck operation', () => {
  function polled(fault: Fault, afterMs: number): { status: number; body: { registrationState: object } } {
    const options = { instances: [emulatedInstance()], behavior: SERVICE_BEHAVIOR_DEFAULT, newGuid: () => 'guid' };
    const service = new ProvisioningService({ ...options, faults: plan(faultRule(fault)) });
    const device = connectedDevice(service, 'a', START_MS);
    const { operationId } = JSON.parse(service.register(device, '', START_MS).body);
    const { status, body } = service.poll(device, operationId, START_MS + afterMs);
    return { status, body: JSON.parse(body) };
  }

  it('never ends, or late', () => {
    expect(polled({ kind: 'endless-assigning' }, 1_000_000).status).toBe(202);
    expect(polled({ kind: 'slow-assignment', delayMs: 1_000 }, 1_199).status).toBe(202);
    expect(polled({ kind: 'slow-assignment', delayMs: 1_000 }, 1_200).status).toBe(200);
  });

  it('that never ends assigns no device', () => {
    const options = { instances: [emulatedInstance()], behavior: SERVICE_BEHAVIOR_DEFAULT, newGuid: () => 'guid' };
    const service = new ProvisioningService({ ...options, faults: plan(faultRule({ kind: 'endless-assigning' })) });
    service.register(connectedDevice(service, 'a', START_MS), '', START_MS);
    expect(service.counters).toMatchObject({ registrationAttempts: 1, deviceAssignments: 0 });
  });

  it('ends as failed, with the code and message that the rule gives', () => {
    const failure = { errorCode: 400209, errorMessage: 'The hub refused.' };
    const { status, body } = polled({ kind: 'fail-assignment', ...failure }, 200);
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'failed', registrationState: { status: 'failed', ...failure } });
  });
});
