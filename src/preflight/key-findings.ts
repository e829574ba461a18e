import type { AttestationKeys } from '../attestation/attestation-keys.ts';
import { type Finding, unknown } from './finding.ts';

/** Most groups that are named. */
const GROUPS_NAMED_MAX = 10;

/** Group keys that nothing but a registration proves: the service accepts the connection before it checks more than the token's form. */
export function keyFindings(keys: AttestationKeys): readonly Finding[] {
  if (keys.kind !== 'group-key') return [];
  const names = [
    ...Object.keys(keys.groups).map((name) => JSON.stringify(name)),
    ...(keys.defaultKey === null ? [] : [Object.keys(keys.groups).length === 0 ? 'all devices' : 'all other devices']),
  ];
  if (names.length === 0) return [];
  const listed = names.slice(0, GROUPS_NAMED_MAX).join(', ');
  const more = names.length > GROUPS_NAMED_MAX ? ` and ${names.length - GROUPS_NAMED_MAX} more` : '';
  const proof = 'only a registration proves a key: run with --limit 1, or with --canary';
  return [unknown('group keys', `not proven for ${listed}${more}: ${proof}`)];
}
