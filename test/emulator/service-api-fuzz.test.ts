import { expect, it } from 'vitest';
import { hostileRequest } from '../fuzz/hostile-requests.ts';
import { SeededRandom } from '../fuzz/seeded-random.ts';
import { API_HOST, API_NOW_MS, OWNER_KEY, ServiceApiCaller } from '../support/service-api-caller.ts';

const REQUESTS = 3_000;

it('hostile requests break nothing, and change nothing without the right signature', () => {
  const caller = new ServiceApiCaller();
  const random = new SeededRandom(1);
  const target = {
    host: API_HOST,
    policyName: 'provisioningserviceowner',
    key: OWNER_KEY,
    nowEpochSeconds: API_NOW_MS / 1000,
  };
  const statuses = new Map<number, number>();
  const violations: unknown[] = [];
  for (let n = 0; n < REQUESTS; n++) {
    const { isSigned, ...request } = hostileRequest(random, target, n % 4 > 0);
    const before = caller.changes.length;
    const { status, body } = caller.api.handle(request, caller.nowMs).answer;
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    const isRefused = [400, 401].includes(status) && !/Key"|attestation/.test(body) && caller.changes.length === before;
    if (status >= 500 || (!isSigned && !isRefused)) violations.push({ status, request });
  }
  expect(violations).toEqual([]);
  // Else only the first checks were tried.
  for (const status of [200, 204, 400, 401, 404, 405, 409, 412, 415])
    expect(statuses.get(status) ?? 0).toBeGreaterThan(5);
});
