import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EndedRow } from '../../src/enroll/entry-outcome.ts';
import { ServiceError } from '../../src/service-api/service-error.ts';
import { EmulatedServiceApi, type Fate } from '../support/emulated-service-api.ts';
import { begunAt, enrollUntil, wantedEnrollment, wantedRows, writerFor } from '../support/enroll-session.ts';
import { inVirtualTime } from '../support/in-virtual-time.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const FATES: readonly Fate[] = ['throttle', 'fail', 'carried-out', 'cut'];

/** What stands there before: nothing, what the row asks for, or something else. */
type Before = 'nothing' | 'same' | 'different';

const STATE_AFTER = { nothing: 'created', same: 'exists-same', different: 'exists-different' } as const;

function plantBefore(service: EmulatedServiceApi, befores: readonly Before[]): void {
  befores.forEach((before, row) => {
    const { attestation, ...entry } = wantedEnrollment(`dev-${row}`);
    const keys = attestation.symmetricKey ?? {};
    if (before === 'same') service.plant(`dev-${row}`, entry, keys);
    if (before === 'different') service.plant(`dev-${row}`, { ...entry, provisioningStatus: 'disabled' }, keys);
  });
}

describe('rows to enroll', () => {
  it('end once and truly, nothing twice and nothing overwritten, whatever the service and kills do', async () => {
    const kills = fc.array(fc.integer({ min: 50, max: 20_000 }), { maxLength: 4 });
    const befores = fc.array(fc.constantFrom<Before>('nothing', 'nothing', 'same', 'different'), {
      minLength: 1,
      maxLength: 60,
    });
    const fates = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant<Fate>('answer') }, fc.constantFrom(...FATES)), {
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(befores, fates, kills, async (planted, plan, killsAfterMs) => {
        const clock = new VirtualClock();
        const service = new EmulatedServiceApi({ clock, fateOf: (_, ordinal) => plan[ordinal] ?? 'answer' });
        plantBefore(service, planted);
        const etags = planted.map((_, row) => service.find(`dev-${row}`)?.etag);
        clock.advanceTo(5_000);
        const beganAtEpochMs = clock.epochMs();
        const ended: EndedRow[] = [];
        await inVirtualTime(
          clock,
          (async () => {
            for (const killAfterMs of [...killsAfterMs, null]) {
              const settled = new Set(ended.map(({ result }) => result.row));
              const rows = wantedRows(planted.length).filter(({ row }) => !settled.has(row));
              const isResumed = clock.epochMs() > beganAtEpochMs;
              const options = begunAt(beganAtEpochMs, isResumed);
              ended.push(...(await enrollUntil(clock, service, { rows, killAfterMs, options })));
            }
          })(),
        );
        const results = ended.map(({ result }) => result).toSorted((a, b) => a.row - b.row);
        expect(results.map(({ row, state }) => ({ row, state }))).toEqual(
          planted.map((before, row) => ({ row, state: STATE_AFTER[before] })),
        );
        planted.forEach((before, row) => {
          const found = service.find(`dev-${row}`);
          if (before !== 'nothing') expect(found?.etag).toBe(etags[row]);
          else expect(found?.initialTwin).toEqual({ tags: { site: 'a' } });
        });
        expect(service.writes.toSorted()).toEqual(
          planted.flatMap((before, row) => (before === 'nothing' ? [`create dev-${row}`] : [])).toSorted(),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('keep to the quota, and create ten at once', async () => {
    const clock = new VirtualClock();
    const service = new EmulatedServiceApi({ clock });
    const ended = await inVirtualTime(
      clock,
      enrollUntil(clock, service, { rows: wantedRows(1_000), killAfterMs: null }),
    );
    expect(ended.filter(({ result }) => result.state === 'created')).toHaveLength(1_000);
    expect(service.arrivedMs).toHaveLength(100);
    expect(clock.nowMs()).toBeGreaterThan(99 * (60_000 / 900));
  });

  it('that were made at the same moment by somebody else are not counted as made', async () => {
    const clock = new VirtualClock();
    const service = new EmulatedServiceApi({ clock });
    plantBefore(service, Array(10).fill('same'));
    const ended = await inVirtualTime(clock, enrollUntil(clock, service, { rows: wantedRows(11), killAfterMs: null }));
    expect(ended.map(({ result }) => result.state)).toEqual([...Array(10).fill('exists-same'), 'created']);
  });

  it('that one bad row spoils in bulk end one by one', async () => {
    const clock = new VirtualClock();
    const service = new EmulatedServiceApi({
      clock,
      fateOf: ({ body }) => (body?.includes('"dev-4"') ? 'fail' : 'answer'),
    });
    const ended = await inVirtualTime(clock, enrollUntil(clock, service, { rows: wantedRows(20), killAfterMs: null }));
    const bad = ended.filter(({ result }) => result.state !== 'created').map(({ result }) => result);
    expect(bad).toMatchObject([{ row: 4, state: 'failed', isPassing: true, failure: { status: 500, code: 500_000 } }]);
    expect(ended).toHaveLength(20);
  });

  it('stay undone while the service is away, or refuses the credentials', async () => {
    for (const fate of ['fail', 'refuse-connection', 'forbid'] as const) {
      const clock = new VirtualClock();
      const service = new EmulatedServiceApi({ clock, fateOf: () => fate });
      const work = enrollUntil(clock, service, { rows: wantedRows(30), killAfterMs: null });
      await expect(inVirtualTime(clock, work)).rejects.toBeInstanceOf(ServiceError);
      // The first goes alone.
      if (fate === 'forbid') expect(service.arrivedMs).toHaveLength(1);
    }
  });
});

describe('an update', () => {
  const wanted = { row: 0, id: 'dev-0', wanted: wantedEnrollment('dev-0') };

  it('overwrites what it has read, with all that is not asked for kept', async () => {
    const clock = new VirtualClock();
    const service = new EmulatedServiceApi({ clock });
    const optionalDeviceInformation = { model: 'x' };
    service.plant('dev-0', { registrationId: 'dev-0', iotHubs: ['other'], optionalDeviceInformation }, {});
    const secondaryKey = service.find('dev-0')?.keys?.secondaryKey;
    const writer = writerFor(clock, service, { updates: true });
    const { result } = await inVirtualTime(clock, writer.create(wanted, { mayExist: false, mayBeOurs: false }));
    expect(result).toMatchObject({
      state: 'updated',
      etag: 'etag-2',
      differences: ['primary key', 'hubs: other instead of none', 'initial tags'],
    });
    const { primaryKey } = wanted.wanted.attestation.symmetricKey ?? {};
    expect(service.find('dev-0')).toMatchObject({ optionalDeviceInformation, keys: { primaryKey, secondaryKey } });
    expect(service.find('dev-0')?.iotHubs).toBeUndefined();
  });

  it('reads again when somebody was faster, and gives up when somebody always is', async () => {
    for (const [races, state] of [
      [3, 'updated'],
      [100, 'failed'],
    ] as const) {
      const clock = new VirtualClock();
      let raced = 0;
      const service: EmulatedServiceApi = new EmulatedServiceApi({
        clock,
        fateOf: ({ method, headers }) => {
          if (method === 'PUT' && headers['if-match'] !== undefined && raced++ < races)
            service.plant('dev-0', { registrationId: 'dev-0', deviceId: `other-${raced}` }, {});
          return 'answer';
        },
      });
      service.plant('dev-0', { registrationId: 'dev-0', deviceId: 'other' }, {});
      const writer = writerFor(clock, service, { updates: true });
      const { result } = await inVirtualTime(clock, writer.create(wanted, { mayExist: false, mayBeOurs: false }));
      expect(result.state).toBe(state);
      expect(service.writes.filter((write) => write.startsWith('update'))).toHaveLength(state === 'updated' ? 1 : 0);
    }
  });

  it.each<Fate>(['cut', 'carried-out'])('whose answer is lost (%s) counts once, as updated', async (fate) => {
    const clock = new VirtualClock();
    const service = new EmulatedServiceApi({
      clock,
      fateOf: ({ headers }, ordinal) => (headers['if-match'] !== undefined && ordinal < 8 ? fate : 'answer'),
    });
    service.plant('dev-0', { registrationId: 'dev-0', deviceId: 'other' }, {});
    clock.advanceTo(60_000);
    const writer = writerFor(clock, service, { updates: true });
    const { result } = await inVirtualTime(clock, writer.create(wanted, { mayExist: false, mayBeOurs: false }));
    expect(result.state).toBe('updated');
    expect(service.writes).toEqual(['update dev-0']);
  });
});

describe('generated keys', () => {
  it('are read for new and for existing entries', async () => {
    const clock = new VirtualClock();
    const service = new EmulatedServiceApi({ clock });
    service.plant('dev-1', { registrationId: 'dev-1' }, {});
    clock.advanceTo(60_000);
    const rows = [0, 1, 2].map((row) => {
      const id = `dev-${row}`;
      return { row, id, wanted: { registrationId: id, attestation: { type: 'symmetricKey' } as const } };
    });
    const writer = writerFor(clock, service, { readsKeys: true });
    const ended = await inVirtualTime(clock, writer.createTen(rows));
    expect(ended.map(({ result }) => `${result.id} ${result.state}`).toSorted()).toEqual([
      'dev-0 created',
      'dev-1 exists-same',
      'dev-2 created',
    ]);
    for (const { result, keys } of ended) expect(keys).toEqual(service.find(result.id)?.keys);
  });
});

describe('disabling and deleting', () => {
  it('ends each ID in a known state, once, and keeps the keys', async () => {
    const clock = new VirtualClock();
    const service = new EmulatedServiceApi({
      clock,
      fateOf: ({ method }, ordinal) => (method !== 'GET' && ordinal < 4 ? 'cut' : 'answer'),
    });
    service.plant('dev-0', { registrationId: 'dev-0' }, {});
    service.plant('dev-1', { registrationId: 'dev-1', provisioningStatus: 'disabled' }, {});
    const keys = service.find('dev-0')?.keys;
    clock.advanceTo(60_000);
    const writer = writerFor(clock, service);
    const rows = [0, 1, 2].map((row) => ({ row, id: `dev-${row}` }));
    const states = (one: (row: (typeof rows)[number]) => Promise<EndedRow>) =>
      inVirtualTime(
        clock,
        Promise.all(rows.map(one)).then((all) => all.map(({ result }) => result.state)),
      );
    expect(await states((row) => writer.disable(row))).toEqual(['disabled', 'already-disabled', 'missing']);
    expect(service.find('dev-0')).toMatchObject({ provisioningStatus: 'disabled', keys });
    expect(await states((row) => writer.delete(row))).toEqual(['deleted', 'deleted', 'missing']);
    expect(service.writes).toEqual(['update dev-0', 'delete dev-0', 'delete dev-1']);
  });
});
