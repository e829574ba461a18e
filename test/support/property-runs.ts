import fc from 'fast-check';
import { IS_CONTRIBUTOR_LOOP } from './contributor-loop.ts';

/** Of a property that names no number of its own. Each run of the tests draws anew: `DPSLOAD_PROPERTY_RUNS=5000` draws more. */
const RUNS = Number(process.env['DPSLOAD_PROPERTY_RUNS'] ?? (IS_CONTRIBUTOR_LOOP ? 25 : 50));
// Not a variable of dpsload, which refuses those that it does not know.
delete process.env['DPSLOAD_PROPERTY_RUNS'];

fc.configureGlobal({ numRuns: RUNS });
