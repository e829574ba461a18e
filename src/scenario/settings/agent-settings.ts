import { PIN_BY } from '../notation/pin-by.ts';
import { inGroup, setting } from './setting.ts';

/** How a run uses agents, which host its workers on other machines. */
export const AGENT_SETTINGS = inGroup('Agents', {
  pinBy: setting('load.pinBy', PIN_BY, {
    defaultText: 'any agent',
    reason: 'most runs measure the service, not where its devices are',
    help: "register each row on agents whose label has the row's value in the column of that name, or in COLUMN with LABEL=COLUMN: with --label region=europe on agents and a column region, one run tests the lowest-latency policy from everywhere",
  }),
});
