import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { FleetRow } from '../../src/fleet/fleet-row.ts';
import { type SessionWork, selectedRanges, selectedRows } from '../../src/selection/session-rows.ts';
import { fleetRow } from '../support/launches.ts';

it('the ranges are the rows that the selection takes up to the limit, and as many as announced', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }),
      fc.option(fc.integer({ min: 1, max: 60 }), { nil: null }),
      async (taken, rowsMax) => {
        const fleet = taken.map((_, row) => fleetRow(row));
        const takes = ({ row }: FleetRow): boolean => taken[row] ?? false;
        const work = {
          load: { rowsMax, shape: { kind: 'closed' }, rounds: 1 },
          selection: {
            rows: fleet.filter(takes).length,
            takes,
            canary: [],
            pins: { only: null, exclude: null },
            warnings: [],
          },
          openFleet: async function* () {
            yield* fleet;
          },
          possiblySent: null,
          isLeft: () => true,
        } satisfies SessionWork;
        const rows: number[] = [];
        for await (const [first, last] of selectedRanges(work)) {
          for (let row = first; row <= last; row += 1) rows.push(row);
        }
        expect(rows).toEqual(
          fleet
            .filter(takes)
            .map(({ row }) => row)
            .slice(0, rowsMax ?? fleet.length),
        );
        expect(rows).toHaveLength(selectedRows(work));
      },
    ),
  );
});
