import { hash } from 'node:crypto';

/** The third group of a tag says what it belongs to. */
const KINDS = { enrollment: '0100', registration: '0300' } as const;

/**
 * base64 of a quoted tag such as `"69003552-0000-0300-0000-630fda8a0000"`. The last group begins with the update's
 * Unix time in hexadecimal; here, the first is taken from a hash of what tells this update from all others.
 */
export function entityTag(kind: keyof typeof KINDS, update: string, updatedAtMs: number): string {
  const head = hash('sha256', update).slice(0, 8);
  const unixTime = Math.floor(updatedAtMs / 1000)
    .toString(16)
    .padStart(8, '0');
  return Buffer.from(`"${head}-0000-${KINDS[kind]}-0000-${unixTime}0000"`).toString('base64');
}
