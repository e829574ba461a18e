import type { FleetRules } from '../fleet/fleet-rules.ts';
import type { Scenario } from './scenario.ts';

/** What a run of this scenario demands of every row of its fleet. */
export function fleetRulesOf({ attestation, target }: Scenario): FleetRules {
  if (attestation.kind === 'device-key') return { keys: 'in-every-row' };
  if (attestation.kind === 'x509') {
    const { certificates } = attestation;
    return { keys: 'certificates', files: certificates.from === 'issuer' ? null : certificates };
  }
  const groups = Object.keys(attestation.groups);
  // The embedded emulator gets a throw-away key when the operator gives neither keys nor enrollments.
  const isThrowAway = target.kind === 'emulator' && target.configFile === null && groups.length === 0;
  return attestation.key !== null || isThrowAway ? { keys: 'for-every-row' } : { keys: 'of-these-groups', groups };
}
