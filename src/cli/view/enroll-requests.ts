import { BULK_ENTRIES_MAX } from '../../dps/service-api.ts';
import type { EntryBody } from '../../enroll/compare-entries.ts';
import type { EnrollFile } from '../../enroll-folder/enroll-file.ts';
import { withoutUrlSecrets } from '../../problem/quote-value.ts';

type Listed = AsyncIterable<{ readonly id: string; readonly wanted: EntryBody | null }>;

/** Prints what would be sent, a line for each request and each entry in it; keys only as present. */
export async function printEnrollRequests(
  { hostName, action, groupId, updates }: Pick<EnrollFile, 'hostName' | 'action' | 'groupId' | 'updates'>,
  rows: Listed,
): Promise<void> {
  const print = (text: string): void => void process.stdout.write(`${text}\n`);
  print(`service API of ${hostName}:`);
  const collection = groupId === null ? 'enrollments' : 'enrollmentGroups';
  let place = 0;
  for await (const { id, wanted } of rows) {
    const path = `/${collection}/${encodeURIComponent(id)}`;
    if (action === 'delete') print(`DELETE ${path}`);
    else if (wanted === null) print(`GET ${path}, then PUT with its ETag: {…, "provisioningStatus": "disabled"}`);
    else if (groupId !== null) print(`PUT ${path} ${withoutSecrets(wanted)}`);
    else {
      if (place % BULK_ENTRIES_MAX === 0) print(`POST /enrollments, mode create:`);
      print(`  ${withoutSecrets(wanted)}`);
    }
    place += 1;
  }
  if (action === 'create')
    print(
      `Each enrollment that exists is read and compared, and ${updates ? 'overwritten if it differs' : 'left as it is'}.`,
    );
}

function withoutSecrets(entry: EntryBody): string {
  return JSON.stringify(entry, (name, value: unknown) => {
    if (name === 'primaryKey' || name === 'secondaryKey') return '(present)';
    return name === 'webhookUrl' ? withoutUrlSecrets(String(value)) : value;
  });
}
