import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { FleetFile } from '../scenario/scenario.ts';
import { RUN_FILE } from './run-file.ts';

/** The part of run.json that is read back. */
const RUN_FACTS = z.object({
  scenario: z.object({
    fleet: z.object({
      file: z.string(),
      delimiter: z.string(),
      header: z.boolean(),
      columns: z.record(z.string(), z.string()),
    }),
  }),
});

/** The fleet of a run as its run.json names it; `null` when run.json is missing or another version's. */
export function fleetOfRun(folder: string): FleetFile | null {
  try {
    return RUN_FACTS.parse(JSON.parse(readFileSync(join(folder, RUN_FILE), 'utf8'))).scenario.fleet;
  } catch {
    return null;
  }
}
