import { z } from 'zod';
import { ALLOCATION_POLICIES, REPROVISION_POLICIES } from '../dps/allocation-policy.ts';
import { ALLOCATION_VERDICTS } from '../metrics/allocation/allocation-verdict.ts';

/* What `summary.json` holds on the allocation policy. Shares and probabilities are parts of 1; absent is null. */

const count = (meaning: string) => z.int().min(0).describe(meaning);
const share = (meaning: string) => z.number().min(0).max(1).describe(`${meaning}; a part of 1`);

const VERDICT = z.enum(ALLOCATION_VERDICTS).describe('inconclusive: more devices are needed to tell');

const INTERVAL = z
  .strictObject({ lower: share('lower end'), upper: share('upper end') })
  .describe('where the share lies: Goodman’s intervals hold all at once with the confidence');

const SHARE_REASONS = ['within', 'outside', 'too-few', 'not-expected', 'missing', 'unassigned'] as const;

const CHI_SQUARE = z
  .strictObject({
    statistic: z.number().min(0).describe('Pearson’s chi-square'),
    degreesOfFreedom: count('of the statistic'),
    pValue: share('how often chance alone gives counts as far off; for information'),
  })
  .nullable()
  .describe('null = there is nothing to compare');

const HUB = z.strictObject({
  hub: z.string().describe('host name, lower case'),
  count: count('initial assignments'),
  share: share('of those of the cohort; null = it has none').nullable(),
  expectedShare: share('by the scenario, or of the run that it names'),
  interval: INTERVAL,
  verdict: VERDICT,
  reason: z.enum(SHARE_REASONS),
});

const COHORT = z.strictObject({
  name: z.string().describe('of the group or region, or the hub that rows expect; empty = the whole fleet'),
  verdict: VERDICT,
  initial: count('devices that came to their first hub'),
  unassigned: count('launched without a hub before, and without one now'),
  hubs: z.array(HUB),
});

const MOVEMENT_VERDICT = z.strictObject({
  known: count('devices that had a hub before and have one now'),
  moved: count('those at another one'),
  share: share('moved of known').nullable(),
  expectedShare: share('by the scenario'),
  interval: INTERVAL,
  policy: z.enum(REPROVISION_POLICIES).nullable(),
  verdict: VERDICT,
  reason: z.enum([...SHARE_REASONS, 'substatus']),
});

export const ALLOCATION = z
  .strictObject({
    verdict: VERDICT,
    policy: z.enum(ALLOCATION_POLICIES).nullable(),
    by: z.enum(['fleet', 'group', 'region', 'row']).describe('what is shared out'),
    asRun: z.string().nullable().describe('run whose shares are expected; null = they are stated'),
    tolerance: share('to either side of an expected share'),
    confidence: share('with which all intervals hold at once'),
    cohorts: z.array(COHORT),
    unjudged: count('devices that came to a first hub and belong to no cohort of the scenario'),
    unassignedShare: share('launched devices without a hub; null = none was launched').nullable(),
    chiSquare: CHI_SQUARE,
    movement: MOVEMENT_VERDICT.nullable().describe('null = nothing was said of devices that register again'),
  })
  .nullable()
  .describe('what the run says of the allocation policy; null = nothing is expected of it');

const SUBSTATUS_COUNTS = z.record(z.string(), count('devices; an empty name = without a substatus'));

export const MOVEMENT = z
  .strictObject({
    changes: z.strictObject({
      kept: count('at the same hub'),
      moved: count('at another hub'),
      lost: count('not assigned any more: failed at the service, or disabled there'),
    }),
    changedDeviceId: count('with another device ID at their hub'),
    substatus: SUBSTATUS_COUNTS,
    movedSubstatus: SUBSTATUS_COUNTS.describe('of those that moved'),
  })
  .nullable()
  .describe(
    'devices that had a hub before, in an earlier round or before the run, and of which the service said more; null = none',
  );

export const HUB_MINUTES = z.strictObject({
  bucketMs: z.number().min(0).describe('length of each stretch, in milliseconds'),
  hubs: z.array(z.string().describe('host name')),
  counts: z.array(z.array(count('registrations assigned'))).describe('for each stretch from the start on, by hub'),
  drift: CHI_SQUARE,
});
