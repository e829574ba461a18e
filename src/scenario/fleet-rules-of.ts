import type { FleetRules } from '../fleet/fleet-rules.ts';
import type { Scenario } from './scenario.ts';

/** What a run of this scenario demands of every row of its fleet. */
export function fleetRulesOf({ attestation, target }: Scenario): FleetRules {
  if (attestation.kind === 'device-key') return { keys: 'in-every-row' };
  if (attestation.kind === 'x509') {
    const { certificates } = attestation;
    return {
      keys: 'certificates',
      files: certificates.from === 'rows' || certificates.from === 'folder' ? certificates : null,
    };
  }
  const groups = Object.keys(attestation.groups);
  // The embedded emulator gets a throw-away key when the operator gives none.
  const isThrowAway = target.kind === 'emulator' && target.throwAway && groups.length === 0;
  return attestation.key !== null || isThrowAway ? { keys: 'for-every-row' } : { keys: 'of-these-groups', groups };
}
