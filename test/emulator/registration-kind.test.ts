import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildSasToken } from '../../src/dps/sas-token.ts';
import type { ConnectedDevice } from '../../src/emulator/service/connect-check.ts';
import { OPERATIONS_PER_DEVICE_MAX } from '../../src/emulator/service/operation-store.ts';
import type { ProvisioningService } from '../../src/emulator/service/provisioning-service.ts';
import { type StateLine, StateLineError } from '../../src/emulator/service/state-kind.ts';
import type { WebhookCall, WebhookOutcome } from '../../src/emulator/service/webhook.ts';
import { connectedDevice } from '../support/connected-device.ts';
import { DEVICE_KEY, ID_SCOPE } from '../support/emulated-instance.ts';
import { keptService, WEBHOOK_HUBS } from '../support/kept-service.ts';

const START_MS = Date.UTC(2026, 0, 1);
const LIFETIME_MS = 20 * 60_000;

/** As a state file would bring them back. */
function restored(lines: Iterable<StateLine>, webhook: boolean, nowMs: number): ProvisioningService {
  const service = keptService(webhook);
  const kinds = service.stateKinds();
  for (const line of lines) {
    const parsed: unknown = JSON.parse(JSON.stringify(line));
    kinds.find(({ kind }) => kind === line.kind)?.apply(parsed);
  }
  for (const kind of kinds) kind.complete(nowMs);
  return service;
}

function everything(service: ProvisioningService): readonly StateLine[] {
  return service.stateKinds().flatMap((kind) => [...kind.lines()]);
}

function device(service: ProvisioningService, id: string): ConnectedDevice {
  if (id.toLowerCase() !== 'own') return connectedDevice(service, id, START_MS);
  const answer = service.connect(
    {
      clientId: id,
      username: `${ID_SCOPE}/registrations/${id}/api-version=2018-04-01`,
      password: buildSasToken(ID_SCOPE, id, DEVICE_KEY, START_MS / 1000 + 3600),
      certificates: [],
      sourceAddress: () => null,
    },
    START_MS,
  );
  if (answer.returnCode !== 0) throw new Error(answer.reason);
  return answer.device;
}

const answered = (body: object): WebhookOutcome => ({ kind: 'answered', status: 200, body: JSON.stringify(body) });

const OUTCOMES: readonly WebhookOutcome[] = [
  answered({ iotHubHostName: WEBHOOK_HUBS[0] }),
  answered({ iotHubHostName: WEBHOOK_HUBS[1], payload: { ä: [1, null] }, initialTwin: { properties: {} } }),
  answered({ iotHubHostName: WEBHOOK_HUBS[1], payload: false }),
  { kind: 'answered', status: 503, body: '' },
  { kind: 'timed-out' },
];

type Step = { readonly afterMs: number } & (
  | { readonly kind: 'register'; readonly id: string }
  | { readonly kind: 'settle'; readonly index: number; readonly outcome: WebhookOutcome }
  | { readonly kind: 'delete'; readonly id: string }
);

const afterMs = fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 0, max: 1_000 }) }, fc.constant(LIFETIME_MS));

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('register' as const), id: fc.constantFrom('a', 'A', 'b', 'own', 'Own'), afterMs }),
    fc.record({ kind: fc.constant('delete' as const), id: fc.constantFrom('a', 'b', 'own'), afterMs }),
    fc.record({
      kind: fc.constant('settle' as const),
      index: fc.nat(3),
      outcome: fc.constantFrom(...OUTCOMES),
      afterMs,
    }),
  ),
  { maxLength: 30 },
);

type Played = {
  readonly service: ProvisioningService;
  readonly lines: readonly StateLine[];
  readonly operations: readonly { readonly id: string; readonly operationId: string }[];
  readonly outstanding: readonly WebhookCall[];
  readonly nowMs: number;
};

function play(all: readonly Step[], webhook: boolean): Played {
  const lines: StateLine[] = [];
  const service = keptService(webhook, lines);
  const operations: { id: string; operationId: string }[] = [];
  const outstanding: WebhookCall[] = [];
  let nowMs = START_MS;
  for (const step of all) {
    nowMs += step.afterMs;
    if (step.kind === 'settle') {
      outstanding.splice(step.index, 1)[0]?.settle(step.outcome, nowMs);
      continue;
    }
    if (step.kind === 'delete') {
      service.instance(ID_SCOPE)?.deleteRecord(step.id);
      continue;
    }
    const { operationId } = JSON.parse(service.register(device(service, step.id), '', nowMs).body);
    operations.push({ id: step.id, operationId });
    outstanding.push(...service.takeWebhookCalls());
  }
  return { service, lines, operations, outstanding, nowMs };
}

/** All that devices and readers can see, now and later. */
function seen(service: ProvisioningService, { operations, nowMs }: Played): unknown {
  const times = [nowMs, nowMs + 300, nowMs + 5_000, nowMs + LIFETIME_MS - 1];
  return times.map((atMs) => [
    [...service.records(atMs)],
    operations.map(({ id, operationId }) => {
      const { body, status } = service.poll(device(service, id), operationId, atMs);
      return status === 404 ? status : body;
    }),
  ]);
}

describe('the lines of a service', () => {
  it.each([false, true])('bring everything back that devices and readers can see (with a webhook: %s)', (webhook) => {
    fc.assert(
      fc.property(steps, (all) => {
        const played = play(all, webhook);
        const changes = [...played.lines];
        const whole = everything(played.service);
        // No answer comes any more: what is outstanding ends as if the webhook had been unreachable.
        for (const call of played.outstanding) call.settle({ kind: 'unreachable' }, played.nowMs);
        const expected = seen(played.service, played);
        expect(seen(restored(changes, webhook, played.nowMs), played)).toEqual(expected);
        const rewritten = restored(whole, webhook, played.nowMs);
        expect(seen(rewritten, played)).toEqual(expected);
        expect(everything(rewritten).length).toBeLessThanOrEqual(whole.length);
      }),
      // Two within a millisecond: the second stays the last.
      { numRuns: 40, examples: [[['own', 'Own'].map((id) => ({ kind: 'register' as const, id, afterMs: 0 }))]] },
    );
  });

  it('go on with what the device has at its hub', () => {
    const { lines, nowMs } = play([{ kind: 'register', id: 'a', afterMs: 0 }], false);
    const service = restored(lines, false, nowMs);
    const again = device(service, 'a');
    const { operationId } = JSON.parse(service.register(again, '', nowMs).body);
    expect(JSON.parse(service.poll(again, operationId, nowMs + 1_000).body)).toMatchObject({
      status: 'assigned',
      registrationState: { substatus: 'reprovisionedToInitialAssignment' },
    });
    expect([...service.records(nowMs)]).toMatchObject([
      { registers: 2, createdDateTimeUtc: '2026-01-01T00:00:00.0000000Z' },
    ]);
  });

  it('are one for each register request, and for each operation that can be polled', () => {
    const register: Step = { kind: 'register', id: 'a', afterMs: 1 };
    const { service, lines } = play(Array(OPERATIONS_PER_DEVICE_MAX + 10).fill(register), false);
    expect(lines).toHaveLength(OPERATIONS_PER_DEVICE_MAX + 10);
    const ofDevices = (of: ProvisioningService) => everything(of).filter(({ kind }) => kind !== 'enrollment');
    expect(ofDevices(service)).toHaveLength(OPERATIONS_PER_DEVICE_MAX);
    expect(ofDevices(restored(lines, false, START_MS + 1_000))).toHaveLength(OPERATIONS_PER_DEVICE_MAX);
  });

  it('are refused with the member that is wrong', () => {
    const [registration] = keptService(false).stateKinds();
    const [line] = play([{ kind: 'register', id: 'a', afterMs: 0 }], false).lines;
    const apply = (): void => registration?.apply({ ...line, registers: 'two' });
    expect(apply).toThrow(StateLineError);
    expect(apply).toThrow('is not valid: registers: ');
  });
});
