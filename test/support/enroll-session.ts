import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import type { IndividualEnrollmentBody } from '../../src/dps/service-api.ts';
import type { EndedRow, WantedRow } from '../../src/enroll/entry-outcome.ts';
import { EntryWriter, type EntryWriterOptions } from '../../src/enroll/entry-writer.ts';
import { eachInTurn } from '../../src/service-api/each-in-turn.ts';
import { ServiceClient } from '../../src/service-api/service-client.ts';
import { ServiceRequests } from '../../src/service-api/service-requests.ts';
import { type EmulatedServiceApi, SERVICE_CONNECTION } from './emulated-service-api.ts';
import type { VirtualClock } from './virtual-clock.ts';

const GROUP_KEY = Buffer.alloc(32, 1).toString('base64');

/** The enrollment that every row of these tests asks for. */
export function wantedEnrollment(id: string): IndividualEnrollmentBody {
  return {
    registrationId: id,
    attestation: { type: 'symmetricKey', symmetricKey: { primaryKey: deriveDeviceKey(GROUP_KEY, id) } },
    initialTwin: { tags: { site: 'a' } },
  };
}

export function wantedRows(count: number): readonly WantedRow[] {
  return Array.from({ length: count }, (_, row) => ({ row, id: `dev-${row}`, wanted: wantedEnrollment(`dev-${row}`) }));
}

/** Every row was begun at this time, perhaps before this session. */
export function begunAt(
  epochMs: number,
  isBefore: boolean,
): Pick<EntryWriterOptions, 'begunAtEpochMs' | 'wasBegunBefore'> {
  return { begunAtEpochMs: () => epochMs, wasBegunBefore: () => isBefore };
}

export function writerFor(
  clock: VirtualClock,
  service: Pick<EmulatedServiceApi, 'exchange'>,
  options: Partial<EntryWriterOptions> & { readonly operationsPerMinute?: number } = {},
) {
  const requests = new ServiceRequests({
    connection: SERVICE_CONNECTION,
    exchange: service.exchange,
    clock,
    operationsPerMinute: options.operationsPerMinute ?? 900,
    nextRandom: () => 0.5,
    userAgent: 'test',
  });
  const writer = new EntryWriter({
    client: new ServiceClient(requests),
    collection: 'enrollments',
    updates: false,
    readsKeys: false,
    ...begunAt(clock.epochMs(), false),
    ...options,
  });
  return writer;
}

/** Enrolls rows in tens, until they are done or the session is killed: what it has sent may then still arrive, but it learns nothing more. */
export async function enrollUntil(
  clock: VirtualClock,
  service: Pick<EmulatedServiceApi, 'exchange'>,
  {
    rows,
    killAfterMs,
    options,
  }: {
    readonly rows: readonly WantedRow[];
    readonly killAfterMs: number | null;
    readonly options?: Parameters<typeof writerFor>[2];
  },
): Promise<readonly EndedRow[]> {
  const recorded: EndedRow[] = [];
  let isDead = false;
  const never = new Promise<never>(() => {});
  const exchange: EmulatedServiceApi['exchange'] = async (request) => {
    if (isDead) return never;
    const reply = await service.exchange(request);
    return isDead ? never : reply;
  };
  const writer = writerFor(clock, { exchange }, options);
  async function* inTens(): AsyncGenerator<readonly WantedRow[]> {
    for (let at = 0; at < rows.length; at += 10) yield rows.slice(at, at + 10);
  }
  const settle = async (batch: readonly WantedRow[]): Promise<void> => {
    const ended = await writer.createTen(batch);
    if (!isDead) recorded.push(...ended);
  };
  const done = eachInTurn(inTens(), settle, () => isDead);
  if (killAfterMs === null) await done;
  else {
    const killed = new Promise<void>((resolve) => clock.wakeAt(clock.nowMs() + killAfterMs, resolve));
    await Promise.race([done, killed]);
    isDead = true;
  }
  return recorded;
}
