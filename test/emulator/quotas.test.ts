import { describe, expect, it } from 'vitest';
import type { DpsInstance } from '../../src/emulator/service/dps-instance.ts';
import { ProvisioningService } from '../../src/emulator/service/provisioning-service.ts';
import { QuotaState, type Quotas } from '../../src/emulator/service/quotas.ts';
import { SERVICE_BEHAVIOR_DEFAULT, type ServiceBehavior } from '../../src/emulator/service/service-behavior.ts';
import { connectedDevice } from '../support/connected-device.ts';
import { emulatedInstance } from '../support/emulated-instance.ts';

const NOW_MS = Date.UTC(2026, 0, 1);

function serviceWith(instance: Partial<DpsInstance>, behavior: Partial<ServiceBehavior> = {}): ProvisioningService {
  return new ProvisioningService({
    instances: [emulatedInstance(instance)],
    behavior: { ...SERVICE_BEHAVIOR_DEFAULT, ...behavior },
    newGuid: () => 'guid',
  });
}

const quotas: Quotas = {
  register: { algorithm: 'fixed-window', limit: 2, perMs: 60_000 },
  pollPerDevice: { algorithm: 'sliding-window', limit: 5, perMs: 10_000 },
  serviceOperations: null,
  retryAfterSeconds: 7,
};

describe('quotas', () => {
  it('keeps budgets of devices that polled lately only', () => {
    const state = new QuotaState(quotas);
    for (let n = 0; n < 1_000; n++) state.poll(`device-${n}`, NOW_MS + n);
    for (let n = 0; n < 5; n++) expect(state.poll('device-999', NOW_MS + 10_500 + n).isWithin).toBe(n < 4);
    expect(state.pollingDevices).toBeLessThan(600);
  });
});

describe('a hub that creates identities slowly', () => {
  const linkedHubs = [
    {
      hostName: 'slow.azure-devices.net',
      weight: 1,
      applyAllocationPolicy: true,
      identityLimit: { algorithm: 'token-bucket', limit: 1, perMs: 1_000 },
    } as const,
  ];

  it('lengthens assigning for new devices, and not for known ones', () => {
    const service = serviceWith({ linkedHubs });
    const statusAt = (id: string, registeredAtMs: number, polledAtMs: number): number => {
      const device = connectedDevice(service, id, NOW_MS);
      const { operationId } = JSON.parse(service.register(device, '', registeredAtMs).body);
      return service.poll(device, operationId, polledAtMs).status;
    };
    expect(statusAt('a', NOW_MS, NOW_MS + 200)).toBe(200);
    expect(statusAt('b', NOW_MS, NOW_MS + 1_199)).toBe(202);
    expect(statusAt('c', NOW_MS, NOW_MS + 2_200)).toBe(200);
    expect(statusAt('a', NOW_MS + 1_000, NOW_MS + 1_200)).toBe(200);
  });
});

describe('simultaneous register requests of one ID', () => {
  it('conflicts no longer than the first can be polled', () => {
    const service = serviceWith({}, { conflictShare: 1, assignmentDelayMs: 3_600_000, operationLifetimeMs: 60_000 });
    const statusAt = (nowMs: number) => service.register(connectedDevice(service, 'a', nowMs), '', nowMs).status;
    expect([0, 59_000, 60_000].map((ms) => statusAt(NOW_MS + ms))).toEqual([202, 409, 202]);
  });

  it('devices of other IDs do not conflict', () => {
    const service = serviceWith({}, { conflictShare: 1 });
    const statuses = ['a', 'b', 'A'].map(
      (id) => service.register(connectedDevice(service, id, NOW_MS), '', NOW_MS).status,
    );
    expect(statuses).toEqual([202, 202, 409]);
  });
});
