import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import type { IndividualEnrollmentBody } from '../../src/dps/service-api.ts';
import { parseServiceConnection, printServiceConnection, serviceEndpoint } from '../../src/dps/service-connection.ts';
import type { FaultRule } from '../../src/emulator/service/fault-rule.ts';
import { NO_QUOTAS } from '../../src/emulator/service/quotas.ts';
import { ownerPolicy, type SharedAccessPolicy } from '../../src/emulator/service/shared-access-policy.ts';
import { httpsExchange } from '../../src/service-api/https-exchange.ts';
import { ServiceClient } from '../../src/service-api/service-client.ts';
import { ServiceRequests } from '../../src/service-api/service-requests.ts';
import { hrtimeMs, systemClock } from '../../src/time/system-clock.ts';
import { emulatedInstance, GROUP_KEY } from './emulated-instance.ts';
import { faultRule } from './fault-rules.ts';
import { startTestEmulator, type TestEmulator } from './test-emulator.ts';

/** Everything that can happen to a request of the service API, each with this share; throttling, which holds every request, less often. */
export function serviceFaults(share: number): readonly FaultRule[] {
  const at = { points: ['service-request'], share } as const;
  return [
    faultRule({ kind: 'error-answer', errorCode: 429_001, retryAfterSeconds: 1 }, { ...at, share: share / 4 }),
    faultRule({ kind: 'error-answer', errorCode: 500_000, retryAfterSeconds: null }, at),
    faultRule({ kind: 'error-after-processing', errorCode: 500_000, retryAfterSeconds: null }, at),
    faultRule({ kind: 'disconnect', when: 'before' }, at),
    faultRule({ kind: 'disconnect', when: 'after-puback' }, at),
  ];
}

/** A policy that may only read. */
export const READ_ONLY_POLICY = 'reader';

const POLICY_KEY = Buffer.alloc(32, 9).toString('base64');

export type EnrollEmulator = TestEmulator & {
  readonly connectionString: string;
  connectionStringOf(policy: string): string;
  /** A client of the test's own. */
  readonly client: ServiceClient;
};

/** An emulator without enrollments and quotas, and a client for it. */
export async function startEnrollEmulator(): Promise<EnrollEmulator> {
  const reader = { name: READ_ONLY_POLICY, primaryKey: POLICY_KEY, secondaryKey: null } as const;
  const sharedAccessPolicies: readonly SharedAccessPolicy[] = [
    ownerPolicy(POLICY_KEY),
    { ...reader, permissions: ['EnrollmentRead'] },
  ];
  const emulator = await startTestEmulator({
    servicePort: 0,
    instances: [emulatedInstance({ individualEnrollments: [], quotas: NO_QUOTAS, sharedAccessPolicies })],
  });
  const connectionString = emulator.serviceConnectionString ?? '';
  const connection = parseServiceConnection(connectionString);
  if (typeof connection === 'string') throw new Error(connection);
  const target = { ...serviceEndpoint(connection), address: null, caPems: [emulator.caPem], connections: 8 };
  const { exchange, close } = httpsExchange(target);
  const clock = systemClock(hrtimeMs());
  const options = {
    connection,
    exchange,
    clock,
    operationsPerMinute: 1_000_000,
    nextRandom: () => 0,
    userAgent: 'test',
  };
  return {
    ...emulator,
    connectionString,
    connectionStringOf: (policyName) => printServiceConnection({ ...connection, policyName }),
    client: new ServiceClient(new ServiceRequests(options)),
    close: async () => {
      close();
      await emulator.close();
    },
  };
}

/** What stands there before the command: mostly nothing, else what the row asks for, or something other than that. */
export function plantedAs(row: number): 'nothing' | 'same' | 'different' {
  const place = row % 200;
  return place < 100 || place >= 120 ? 'nothing' : place % 3 === 0 ? 'same' : place % 3 === 1 ? 'different' : 'nothing';
}

function planted(row: number, registrationId: string): IndividualEnrollmentBody {
  const primaryKey = deriveDeviceKey(GROUP_KEY, registrationId);
  const attestation = { type: 'symmetricKey', symmetricKey: { primaryKey } } as const;
  return plantedAs(row) === 'same'
    ? { registrationId, attestation }
    : { registrationId, attestation, provisioningStatus: 'disabled' };
}

/** @returns the ETags of what was planted, by ID */
export async function plant({ client }: EnrollEmulator, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const etags = new Map<string, string>();
  for (const [row, id] of ids.entries()) {
    if (plantedAs(row) === 'nothing') continue;
    const { body } = await client.put('enrollments', id, planted(row, id), null);
    etags.set(id, body.etag ?? '');
  }
  return etags;
}

/** What the emulator has, by ID. */
export async function enrollmentsOf({
  client,
}: EnrollEmulator): Promise<ReadonlyMap<string, IndividualEnrollmentBody>> {
  const found = new Map<string, IndividualEnrollmentBody>();
  for await (const page of client.all('enrollments')) for (const entry of page) found.set(entry.registrationId, entry);
  return found;
}

/** What does not agree: rows, their states, and what the emulator has. Empty = everything does. */
export async function disagreements(
  emulator: EnrollEmulator,
  ids: readonly string[],
  etags: ReadonlyMap<string, string>,
  folder: string,
): Promise<readonly string[]> {
  const rows = parse(readFileSync(join(folder, 'enrollments.csv')), { columns: true }) as Record<string, string>[];
  const found = await enrollmentsOf(emulator);
  const wanted = { nothing: 'created', same: 'exists-same', different: 'exists-different' } as const;
  const wrong = ids.flatMap((id, row) => {
    const listed = rows[row];
    const entry = found.get(id);
    const isNew = plantedAs(row) === 'nothing';
    const isUntouched = isNew
      ? entry?.createdDateTimeUtc === entry?.lastUpdatedDateTimeUtc && entry?.provisioningStatus === 'enabled'
      : entry?.etag === etags.get(id);
    const isRight = listed?.['registration_id'] === id && listed['state'] === wanted[plantedAs(row)];
    return isRight && entry !== undefined && isUntouched ? [] : [`${id}: ${JSON.stringify({ listed, entry })}`];
  });
  if (rows.length !== ids.length || found.size !== ids.length) wrong.push(`${rows.length} rows, ${found.size} entries`);
  return wrong;
}
