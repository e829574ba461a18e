import type { FleetRow } from '../fleet/fleet-row.ts';
import type { Scenario } from '../scenario/scenario.ts';
import type { Leg } from './leg.ts';
import type { RowSelection } from './row-selection.ts';
import { fleetSource, type SourceOfWork } from './source-of-work.ts';
import { canaryRule } from './stop-rule.ts';

/** The canary, then the fleet, as many times as there are rounds. @param openFleet reads it from its beginning. */
export function sessionLegs(
  { shape, rounds, rowsMax }: Scenario['load'],
  { canary, takes }: RowSelection,
  openFleet: () => AsyncGenerator<FleetRow>,
): readonly Leg[] {
  const first = rowsMax === null ? canary : canary.slice(0, rowsMax);
  const wentFirst = new Set(first.map(({ row }) => row));
  const legs: Leg[] = [];
  if (first.length > 0) {
    legs.push({ round: 1, shape: { kind: 'closed' }, rules: [canaryRule()], openSource: () => rowsSource(first) });
  }
  for (let round = 1; round <= rounds; round += 1) {
    const skipped = round === 1 ? wentFirst : new Set<number>();
    const left = rowsMax === null ? null : rowsMax - skipped.size;
    const rows = (): AsyncGenerator<FleetRow> => filtered(openFleet(), (row) => takes(row) && !skipped.has(row.row));
    legs.push({ round, shape, rules: [], openSource: () => fleetSource(rows(), left) });
  }
  return legs;
}

function rowsSource(rows: readonly FleetRow[]): SourceOfWork {
  const left = [...rows];
  return { take: async (count) => left.splice(0, count), close: async () => {} };
}

/** Ends the reading of `rows` when it is ended itself. */
async function* filtered(rows: AsyncGenerator<FleetRow>, keep: (row: FleetRow) => boolean): AsyncGenerator<FleetRow> {
  for await (const row of rows) if (keep(row)) yield row;
}
