import { describe, expect, it } from 'vitest';
import type { HubAttempt, HubCheckResult } from '../../src/hub/hub-check.ts';
import { type CheckedDevice, CheckStage, type CheckStageParts } from '../../src/hub-check/check-stage.ts';
import type { HubCheckRecord } from '../../src/journal/hub-check-record.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const POLICY = {
  check: 'connect',
  share: 1,
  connectionsPerSecond: null,
  concurrency: 100,
  attemptsMax: 5,
  identityWaitMs: 60_000,
  connectTimeoutMs: 60_000,
  answerTimeoutMs: 30_000,
  durationMs: 3_600_000,
  allowedHosts: ['.azure-devices.net'],
  connectTo: null,
  seed: 1,
} as const;

const PHASES = { dnsMs: null, tcpMs: 1, tlsMs: 2, connackMs: 3, subackMs: null, answerMs: null };

type Simulated = {
  readonly devices: number;
  /** What a connection meets after 100 ms. @param attempt from 0 */
  readonly meet?: (device: CheckedDevice, attempt: number, nowMs: number) => HubCheckResult;
  readonly hubs?: number;
  readonly changes?: Partial<CheckStageParts<CheckedDevice>['policy']>;
  /** How long a connection takes. */
  readonly takesMs?: number;
  /** The row that cannot be read. */
  readonly unreadable?: number;
};

/** Lets promises settle that do not wait for time. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

function simulation({ devices, meet = () => 'passed', hubs = 1, changes = {}, takesMs = 100, unreadable }: Simulated) {
  const clock = new VirtualClock();
  const records: HubCheckRecord[] = [];
  const begun: { readonly atMs: number; readonly hub: string; readonly row: number }[] = [];
  let open = 0;
  let openMax = 0;
  let cancelled = 0;
  async function* fleet(): AsyncGenerator<CheckedDevice> {
    for (let row = 0; row < devices; row += 1) {
      if (row === unreadable) throw new Error(`row ${row} cannot be read`);
      const id = `dev-${row}`;
      yield {
        row,
        registrationId: id,
        deviceId: id,
        hub: `hub-${row % hubs}`,
        assignedAtEpochMs: clock.epochMs() - clock.nowMs(),
      };
    }
  }
  const stage = new CheckStage<CheckedDevice>({
    clock,
    policy: { ...POLICY, ...changes },
    devices: fleet(),
    perSecondAt: () => 50,
    begin(device, attempt) {
      open += 1;
      openMax = Math.max(openMax, open);
      begun.push({ atMs: clock.nowMs(), hub: device.hub, row: device.row });
      const ended = new Promise<HubAttempt>((resolve) => {
        clock.wakeAt(clock.nowMs() + takesMs, () => {
          open -= 1;
          const result = meet(device, attempt, clock.nowMs());
          resolve({ result, message: result === 'passed' ? null : result, phases: PHASES });
        });
      });
      return {
        ended,
        cancel: () => {
          cancelled += 1;
        },
      };
    },
    onChecked: (record) => records.push(record),
  });
  const running = stage.run();
  let reason: string | null = null;
  running.then(
    (one) => {
      reason = one;
    },
    ({ message }: Error) => {
      reason = message;
    },
  );
  const advanceTo = async (atMs: number): Promise<void> => {
    for (let nowMs = clock.nowMs(); nowMs < atMs && reason === null; nowMs += 10) {
      await settle();
      clock.advanceTo(nowMs + 10);
    }
    await settle();
  };
  const facts = () => ({ records, begun, openMax, cancelled, reason, timers: clock.timers });
  return { stage, advanceTo, facts };
}

describe('the stage that checks hubs', () => {
  it('checks every device once, at the pace of each hub', async () => {
    const { advanceTo, facts } = simulation({ devices: 300, hubs: 3 });
    await advanceTo(10_000);
    const { records, begun, reason, timers } = facts();
    expect(reason).toBe('completed');
    expect(new Set(records.map(({ row }) => row)).size).toBe(300);
    expect(records.every(({ result, attempts }) => result === 'passed' && attempts === 1)).toBe(true);
    for (const hub of ['hub-0', 'hub-1', 'hub-2']) {
      const times = begun.filter((one) => one.hub === hub).map(({ atMs }) => atMs);
      // One more than 50 in a second that begins with one.
      for (const atMs of times)
        expect(times.filter((one) => one >= atMs && one < atMs + 1_000).length).toBeLessThanOrEqual(51);
      expect(times.at(-1)).toBeLessThanOrEqual(2_010);
    }
    expect(timers).toBe(0);
  });

  it('ends with the error of the fleet, and leaves nothing open', async () => {
    const { advanceTo, facts } = simulation({ devices: 300, unreadable: 200, takesMs: 60_000 });
    await advanceTo(30_000);
    const { begun, cancelled, reason, timers } = facts();
    expect(reason).toBe('row 200 cannot be read');
    expect([cancelled, timers]).toEqual([begun.length, begun.length]);
  });

  it('keeps to its slots, whatever the pace would allow', async () => {
    const { advanceTo, facts } = simulation({ devices: 60, hubs: 6, takesMs: 1_000, changes: { concurrency: 4 } });
    await advanceTo(30_000);
    expect(facts()).toMatchObject({ reason: 'completed', openMax: 4 });
  });

  it('tries an identity that is not known yet again, without a slot meanwhile', async () => {
    const meet: Simulated['meet'] = (_, __, nowMs) => (nowMs < 2_000 ? 'hub-refused' : 'passed');
    const { advanceTo, facts } = simulation({ devices: 5, meet, changes: { concurrency: 1 } });
    await advanceTo(20_000);
    const { records, reason } = facts();
    expect(reason).toBe('completed');
    expect(records.map(({ result }) => result)).toEqual(Array(5).fill('passed'));
    expect(records.every(({ attempts }) => attempts > 1)).toBe(true);
  });

  it('gives a device up that is refused for longer than an identity may take', async () => {
    const { advanceTo, facts } = simulation({ devices: 1, meet: () => 'hub-refused' });
    await advanceTo(120_000);
    const [record] = facts().records;
    expect(record).toMatchObject({ result: 'hub-refused', message: 'hub-refused' });
    expect(record?.endedAtMs).toBeGreaterThan(60_000);
    expect(record?.endedAtMs).toBeLessThan(75_000);
  });

  it('counts a busy hub as failed only when all attempts met it', async () => {
    const meet: Simulated['meet'] = ({ row }, attempt) => (row === 0 || attempt < 4 ? 'hub-closed' : 'passed');
    const { advanceTo, facts } = simulation({ devices: 2, meet });
    await advanceTo(60_000);
    const results = facts().records.map(({ row, result, attempts }) => [row, result, attempts]);
    expect(results.toSorted()).toEqual([
      [0, 'hub-closed', 5],
      [1, 'passed', 5],
    ]);
  });

  it('ends at its time limit, and when it is stopped: connections are cut off, and no record is made of them', async () => {
    const limited = simulation({ devices: 500, changes: { durationMs: 2_000 } });
    await limited.advanceTo(5_000);
    const { records, reason, timers } = limited.facts();
    expect(reason).toBe('duration');
    expect(records.length).toBeGreaterThan(80);
    expect(records.length).toBeLessThan(100);
    const stopped = simulation({ devices: 500, takesMs: 500 });
    await stopped.advanceTo(300);
    stopped.stage.stop('interrupted');
    await settle();
    expect(stopped.facts()).toMatchObject({ reason: 'interrupted', records: [] });
    expect(stopped.facts().cancelled).toBeGreaterThan(10);
    expect(timers).toBeLessThan(20);
  });

  it('does not read far ahead, and one hub that is away does not hold up the others', async () => {
    const meet: Simulated['meet'] = ({ hub }) => (hub === 'hub-0' ? 'hub-unreachable' : 'passed');
    const { advanceTo, facts } = simulation({ devices: 100, hubs: 2, meet });
    await advanceTo(1_300);
    expect(facts().records.filter(({ result }) => result === 'passed').length).toBe(50);
  });

  it('is complete at once without devices', async () => {
    const { advanceTo, facts } = simulation({ devices: 0 });
    await advanceTo(10);
    expect(facts()).toMatchObject({ reason: 'completed', records: [], timers: 0 });
  });
});
