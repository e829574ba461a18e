import type { FleetRow } from '../../src/fleet/fleet-row.ts';
import type { Launch } from '../../src/registration/launch.ts';

export function fleetRow(row: number): FleetRow {
  return {
    row,
    registrationId: `dev-${row}`,
    group: null,
    expectedHub: null,
    deviceKey: null,
    certificateFile: null,
    keyFile: null,
    payloadJson: null,
    otherValues: [],
  };
}

export function launch(sequence: number, intendedAtMs: number | null = null): Launch {
  const placement = { intendedAtMs, heldMs: 0, notBeforeMs: intendedAtMs, permitUntilMs: null };
  return { ...fleetRow(sequence), round: 1, sequence, ...placement };
}
