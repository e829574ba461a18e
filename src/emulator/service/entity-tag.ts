import { createHash } from 'node:crypto';

/**
 * base64 of a quoted tag such as `"69003552-0000-0300-0000-630fda8a0000"`. The last group begins with the update's
 * Unix time in hexadecimal; the first is taken from a hash of registration ID and update time here.
 */
export function entityTag(registrationId: string, updatedAtMs: number): string {
  const head = createHash('sha256').update(`${registrationId}\n${updatedAtMs}`).digest('hex').slice(0, 8);
  const unixTime = Math.floor(updatedAtMs / 1000)
    .toString(16)
    .padStart(8, '0');
  return Buffer.from(`"${head}-0000-0300-0000-${unixTime}0000"`).toString('base64');
}
