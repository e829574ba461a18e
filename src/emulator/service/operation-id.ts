import { createHash } from 'node:crypto';

/** `5.{16 hex}.{GUID}`; the middle part is the same for each operation of one device, as in captures. */
export function operationId(idScope: string, registrationKey: string, guid: string): string {
  const device = createHash('sha256').update(`${idScope}/${registrationKey}`).digest('hex').slice(0, 16);
  return `5.${device}.${guid}`;
}
