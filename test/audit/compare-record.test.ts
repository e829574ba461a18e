import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deviceOf } from '../../src/audit/audited-device.ts';
import { ClockBoundsFold } from '../../src/audit/clock-bounds.ts';
import { compareRecord, type RowAudit, type RunTimes } from '../../src/audit/compare-record.ts';
import type { RegistrationStateBody } from '../../src/dps/payloads.ts';
import type { RegistrationOutcome } from '../../src/registration/registration-outcome.ts';
import { notAssigned, outcomeRecord } from '../support/sample-journal.ts';

const BEGAN_MS = Date.UTC(2026, 0, 2, 3, 0, 0);
const MINUTE_MS = 60_000;
const at = (offsetMs: number): string => new Date(BEGAN_MS + offsetMs).toISOString();

/** The run lasts ten minutes; the clock of the service is one to two seconds ahead. */
const TIMES: RunTimes = {
  beganAtEpochMs: BEGAN_MS,
  endedAtEpochMs: BEGAN_MS + 10 * MINUTE_MS,
  clock: { aheadMinMs: 1_000, aheadMaxMs: 2_000, isMeasured: true },
};

/** Requested at minute 5, answered 10 s later. */
function outcome(changes: Partial<RegistrationOutcome> = {}): RegistrationOutcome {
  const told = { serviceCreatedAt: at(5 * MINUTE_MS + 3_000), serviceUpdatedAt: at(5 * MINUTE_MS + 5_000) };
  return outcomeRecord(0, { startedAtMs: 5 * MINUTE_MS, finishedAtMs: 5 * MINUTE_MS + 10_000, ...told, ...changes });
}

function record(changes: Partial<RegistrationStateBody> = {}): RegistrationStateBody {
  return {
    registrationId: 'dev-000000',
    status: 'assigned',
    substatus: 'initialAssignment',
    assignedHub: 'hub-a.azure-devices.net',
    deviceId: 'dev-000000',
    createdDateTimeUtc: at(5 * MINUTE_MS + 3_000),
    lastUpdatedDateTimeUtc: at(5 * MINUTE_MS + 5_000),
    ...changes,
  };
}

function compared(ours: Partial<RegistrationOutcome>, theirs: Partial<RegistrationStateBody> | null): RowAudit {
  const placed = { outcome: outcome(ours), clockEpochMs: BEGAN_MS };
  return compareRecord(deviceOf([placed]), theirs === null ? null : record(theirs), TIMES);
}

const UNTOLD = { serviceCreatedAt: null, serviceUpdatedAt: null };
const timedOut = notAssigned({ result: 'timed-out', registersSent: 1 });
const unknown = notAssigned({ result: 'unknown', startedAtMs: null, finishedAtMs: null, possiblyTwice: true });
const refused = notAssigned({ result: 'failed', errorCode: '404201' });

describe('an assigned device', () => {
  it.each([
    ['as it is', {}, {}, 'agrees', []],
    ['with its hub in capitals', {}, { assignedHub: 'HUB-A.azure-devices.net' }, 'agrees', []],
    ['at another hub', {}, { assignedHub: 'hub-b.azure-devices.net' }, 'differs', ['hub']],
    ['with another device ID', {}, { deviceId: 'other' }, 'differs', ['device-id']],
    ['with its device ID in capitals', {}, { deviceId: 'DEV-000000' }, 'differs', ['device-id']],
    ['that failed', {}, { status: 'failed', errorCode: 400_207, assignedHub: undefined }, 'differs', ['status']],
    ['from before', {}, { lastUpdatedDateTimeUtc: at(-MINUTE_MS) }, 'differs', ['registered-before']],
    ['from before, untold', UNTOLD, { lastUpdatedDateTimeUtc: at(4 * MINUTE_MS) }, 'differs', ['registered-before']],
    ['within the uncertainty, untold', UNTOLD, { lastUpdatedDateTimeUtc: at(5 * MINUTE_MS + 500) }, 'agrees', []],
  ] as const)('%s', (_, ours, theirs, verdict, differences) => {
    expect(compared(ours, theirs as Partial<RegistrationStateBody>)).toMatchObject({ verdict, differences });
  });

  it('is missing without a record', () => {
    expect(compared({}, null).verdict).toBe('missing');
  });

  it('that registered again still agrees, and that is noted', () => {
    const again = {
      lastUpdatedDateTimeUtc: at(20 * MINUTE_MS),
      substatus: 'reprovisionedToInitialAssignment',
    } as const;
    expect(compared({}, again)).toMatchObject({ verdict: 'agrees', isRegisteredAgain: true });
    const moved = compared({}, { ...again, assignedHub: 'hub-b.azure-devices.net' });
    expect(moved).toMatchObject({ verdict: 'differs', differences: ['hub'], isRegisteredAgain: true });
    expect(moved.finding).toContain('hub-b.azure-devices.net instead of hub-a.azure-devices.net; registered again at');
  });

  it.each([
    ['once', {}],
    ['twice', { substatus: 'reprovisionedToInitialAssignment', lastUpdatedDateTimeUtc: at(6 * MINUTE_MS) }],
    ['cannot-tell', { createdDateTimeUtc: at(-MINUTE_MS) }],
    ['cannot-tell', { substatus: 'deviceDataMigrated', lastUpdatedDateTimeUtc: at(30 * MINUTE_MS) }],
  ] as const)('that was possibly registered twice was, by its record: %s', (told, theirs) => {
    expect(compared({ possiblyTwice: true }, theirs).told).toBe(told);
  });
});

describe('a device whose end the run does not know', () => {
  it.each([
    ['timed out, no record', timedOut, null, 'resolved', 'not-registered'],
    ['timed out, assigned in the run', timedOut, {}, 'resolved', 'registered'],
    ['timed out, assigned earlier', timedOut, { lastUpdatedDateTimeUtc: at(-MINUTE_MS) }, 'resolved', 'not-registered'],
    ['timed out, failed', timedOut, { status: 'failed', errorCode: 400_207 }, 'resolved', 'not-registered'],
    ['timed out, under way', timedOut, { status: 'assigning' }, 'unresolved', 'cannot-tell'],
    ['unknown, assigned in the run', unknown, {}, 'resolved', 'registered'],
    ['unknown, again after it', unknown, { lastUpdatedDateTimeUtc: at(30 * MINUTE_MS) }, 'resolved', 'registered'],
    [
      'unknown, only after it',
      unknown,
      { createdDateTimeUtc: at(-MINUTE_MS), lastUpdatedDateTimeUtc: at(30 * MINUTE_MS) },
      'unresolved',
      'cannot-tell',
    ],
    [
      'unknown, without times',
      unknown,
      { createdDateTimeUtc: '', lastUpdatedDateTimeUtc: '' },
      'unresolved',
      'cannot-tell',
    ],
  ] as const)('%s', (_, ours, theirs, verdict, told) => {
    expect(compared(ours, theirs as Partial<RegistrationStateBody> | null)).toMatchObject({ verdict, told });
  });
});

describe('a device that the run did not register', () => {
  it.each([
    ['refused, no record', refused, null, 'agrees'],
    ['refused, registered before', refused, { lastUpdatedDateTimeUtc: at(-MINUTE_MS) }, 'agrees'],
    ['refused, failed record', refused, { status: 'failed' }, 'agrees'],
    ['refused, registered after all', refused, {}, 'differs'],
    ['never sent', notAssigned({ result: 'not-started', registersSent: 0 }), null, 'not-sent'],
    ['never sent, yet registered', notAssigned({ result: 'not-started', registersSent: 0 }), {}, 'not-sent'],
  ] as const)('%s', (_, ours, theirs, verdict) => {
    expect(compared(ours, theirs as Partial<RegistrationStateBody> | null).verdict).toBe(verdict);
  });
});

describe('the clock of the service', () => {
  it('is measured by the registrations, whatever it shows, so that none of them seems to be from before', () => {
    const offsets = fc.record({ aheadMs: fc.integer({ min: -86_400_000, max: 86_400_000 }), wayMs: fc.nat(3_000) });
    fc.assert(
      fc.property(
        offsets,
        fc.array(fc.nat(3_600_000), { minLength: 1, maxLength: 20 }),
        ({ aheadMs, wayMs }, starts) => {
          const fold = new ClockBoundsFold();
          const outcomes = starts.map((startedAtMs) =>
            outcome({
              startedAtMs,
              finishedAtMs: startedAtMs + 2 * wayMs + 10,
              serviceCreatedAt: at(startedAtMs + wayMs + aheadMs),
              serviceUpdatedAt: at(startedAtMs + wayMs + 5 + aheadMs),
            }),
          );
          for (const one of outcomes) fold.add(one, BEGAN_MS);
          const clock = fold.result();
          expect(clock.aheadMinMs).toBeLessThanOrEqual(aheadMs);
          expect(clock.aheadMaxMs).toBeGreaterThanOrEqual(aheadMs);
          for (const one of outcomes) {
            const device = deviceOf([{ outcome: { ...one, ...UNTOLD }, clockEpochMs: BEGAN_MS }]);
            const theirs = {
              createdDateTimeUtc: one.serviceCreatedAt ?? '',
              lastUpdatedDateTimeUtc: one.serviceUpdatedAt ?? '',
            };
            expect(compareRecord(device, record(theirs), { ...TIMES, clock }).verdict).toBe('agrees');
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('is assumed to be right within five minutes where no registration tells', () => {
    expect(new ClockBoundsFold().result()).toEqual({ aheadMinMs: -300_000, aheadMaxMs: 300_000, isMeasured: false });
  });
});
