import { describe, expect, it } from 'vitest';
import { CONNECTION_FAILURE_CODES } from '../../src/conversation/connection-failure.ts';
import { HUB_HOST_ENDINGS } from '../../src/dps/endpoint.ts';
import { HUB_CHECK_RESULTS, type HubCheckResult, hubFailureOf, isAllowedHub } from '../../src/hub/hub-check.ts';
import { hubRetryDelayMs } from '../../src/hub/hub-retry.ts';
import { hubConnectionsAllowed } from '../../src/load/hub-pace.ts';
import { remedyFor } from '../../src/report/remedies.ts';

describe('a hub that the service names', () => {
  it.each([
    ['hub-a.azure-devices.net', true],
    ['HUB-A.Azure-Devices.NET', true],
    ['hub-a.azure-devices.cn', true],
    ['hub-a.azure-devices.us', true],
    ['hub-a.example.com', false],
    ['azure-devices.net', false],
    ['.azure-devices.net', false],
    ['evilazure-devices.net', false],
    ['hub-a.azure-devices.net.evil.example', false],
    ['evil.example/.azure-devices.net', false],
    ['evil.example:8883#.azure-devices.net', false],
    ['user@evil.azure-devices.net', false],
    ['a b.azure-devices.net', false],
    ['10.0.0.1', false],
    ['', false],
  ])('%j may be dialled: %s', (hub, isAllowed) => {
    expect(isAllowedHub(hub, HUB_HOST_ENDINGS)).toBe(isAllowed);
  });
});

describe('the error classes', () => {
  it('cover every way in which a connection fails, each with a remedy', () => {
    for (const code of CONNECTION_FAILURE_CODES) expect(HUB_CHECK_RESULTS).toContain(hubFailureOf(code));
    for (const result of HUB_CHECK_RESULTS.slice(1)) expect(remedyFor(result), result).toMatch(/^[A-Z].*[^.]$/);
  });
});

describe('another try', () => {
  const policy = { attemptsMax: 5, identityWaitMs: 60_000, seed: 1 };
  const delayAfter = (result: HubCheckResult, attempts: number, sinceAssignedMs = 3_600_000) =>
    hubRetryDelayMs(
      { registrationId: 'dev-1', assignedAtEpochMs: 1e12, attempts },
      { result },
      policy,
      1e12 + sinceAssignedMs,
    );

  it('follows what may pass, with a longer pause each time, until the attempts are used up', () => {
    for (const result of ['hub-closed', 'hub-late', 'hub-unavailable', 'hub-name', 'hub-throttled'] as const) {
      const delays = [1, 2, 3, 4].map((attempts) => delayAfter(result, attempts) ?? -1);
      for (const [index, delay] of delays.entries()) {
        expect(delay).toBeGreaterThanOrEqual(1_000);
        expect(delay).toBeLessThanOrEqual(Math.min(10_000, 1_000 * 2 ** (index + 1)));
      }
      expect(delayAfter(result, 5)).toBeNull();
    }
  });

  it.each([
    'passed',
    'hub-certificate',
    'hub-protocol',
    'hub-twin',
    'hub-not-allowed',
    'hub-credentials',
  ] as const)('does not follow %s', (result) => {
    expect(delayAfter(result, 1)).toBeNull();
  });

  it('follows a refusal twice in any case, and as long as the hub may not know the device yet', () => {
    expect([1, 2, 3].map((attempts) => delayAfter('hub-refused', attempts) === null)).toEqual([false, false, true]);
    expect(delayAfter('hub-refused', 20, 59_999)).not.toBeNull();
    expect(delayAfter('hub-refused', 20, 60_000)).toBeNull();
  });

  it('of many devices does not come at the same moment', () => {
    const delays = Array.from({ length: 100 }, (_, index) =>
      hubRetryDelayMs(
        { registrationId: `dev-${index}`, assignedAtEpochMs: null, attempts: 4 },
        { result: 'hub-closed' },
        policy,
        0,
      ),
    );
    expect(new Set(delays).size).toBeGreaterThan(90);
  });
});

describe('the pace at a hub', () => {
  const hubs = [
    { name: 'hub-a', tier: 'S1', units: 10 },
    { name: 'HUB-B.azure-devices.net', tier: 'S3', units: 1 },
  ] as const;

  it.each([
    ['hub-x.azure-devices.net', null, 50],
    ['hub-a.azure-devices.net', null, 60],
    ['hub-b.azure-devices.net', null, 3_000],
    ['hub-a.azure-devices.net', 7, 7],
  ])('%s, %s chosen: %d connections a second', (hub, chosen, perSecond) => {
    expect(hubConnectionsAllowed(hub, chosen, hubs)).toBe(perSecond);
  });

  it('is half of the smallest standard hub where nothing is known', () => {
    expect(hubConnectionsAllowed('hub-a.azure-devices.net', null, null)).toBe(50);
  });
});
