import type { AttestationKeys } from '../attestation/attestation-keys.ts';
import { type Finding, unknown } from './finding.ts';

export const KEY_SUBJECT = 'group keys';

/** Most groups that are named. */
const GROUPS_NAMED_MAX = 10;

/** The group whose key a row uses; `null` = the key of all other devices. */
export function keyNameOf(keys: AttestationKeys, group: string | null): string | null {
  return keys.kind === 'group-key' && group !== null && Object.hasOwn(keys.groups, group) ? group : null;
}

/**
 * Group keys that nothing but a registration proves: the service accepts the connection before it checks more than the token's form.
 *
 * @param judged names of the keys that a registration has shown to be right or wrong
 */
export function keyFindings(keys: AttestationKeys, judged: ReadonlySet<string | null> = new Set()): readonly Finding[] {
  if (keys.kind !== 'group-key') return [];
  const names = [
    ...Object.keys(keys.groups)
      .filter((name) => !judged.has(name))
      .map((name) => JSON.stringify(name)),
    ...(keys.defaultKey === null || judged.has(null)
      ? []
      : [Object.keys(keys.groups).length === 0 ? 'all devices' : 'all other devices']),
  ];
  if (names.length === 0) return [];
  const listed = names.slice(0, GROUPS_NAMED_MAX).join(', ');
  const more = names.length > GROUPS_NAMED_MAX ? ` and ${names.length - GROUPS_NAMED_MAX} more` : '';
  const proof =
    judged.size === 0
      ? 'only a registration proves a key: register a device of each group with --try 1, or run with --canary'
      : 'no device with such a key was registered';
  return [unknown(KEY_SUBJECT, `not proven for ${listed}${more}: ${proof}`)];
}
