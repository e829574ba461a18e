import { z } from 'zod';
import { ALLOCATION_POLICIES, REPROVISION_POLICIES } from '../allocation/allocation-expectation.ts';
import { ALLOCATION_VERDICTS } from '../allocation/allocation-verdict.ts';
import { END_REASONS, LOAD_SHAPES } from '../journal/journal-record.ts';
import { LATENCY_METRICS } from '../metrics/latency-histograms.ts';
import { HEALTH_LIMITS } from '../metrics/load-generator-health.ts';
import { REGISTRATION_RESULTS } from '../registration/registration-outcome.ts';

/*
 * What `summary.json` holds, for those who read it with other programs: every member with its unit and meaning. Absent is
 * null; members named …Ms are milliseconds, shares are parts of 1.
 */

const count = (meaning: string) => z.int().min(0).describe(meaning);
const ms = (meaning: string) => z.number().min(0).describe(`${meaning}, in milliseconds`);
const share = (meaning: string) => z.number().min(0).max(1).describe(`${meaning}; a part of 1`);
const text = (meaning: string) => z.string().describe(meaning);
const number = (meaning: string) => z.number().describe(meaning);

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

const ALLOCATION = z
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

const MOVEMENT = z
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

const HUB_MINUTES = z.strictObject({
  bucketMs: z.number().min(0).describe('length of each stretch, in milliseconds'),
  hubs: z.array(z.string().describe('host name')),
  counts: z.array(z.array(count('registrations assigned'))).describe('for each stretch from the start on, by hub'),
  drift: CHI_SQUARE,
});

const DURATIONS = z.strictObject({
  count: count('durations that were measured'),
  minMs: ms('the shortest'),
  meanMs: ms('their mean'),
  p50Ms: ms('half of them took no longer'),
  p90Ms: ms('90% took no longer'),
  p95Ms: ms('95% took no longer'),
  p99Ms: ms('99% took no longer'),
  p999Ms: ms('99.9% took no longer'),
  maxMs: ms('the longest'),
  clamped: count('durations below 0 or above 1 h, counted as 0 or as 1 h'),
});

const SESSION = z.strictObject({
  session: z.int().min(1).describe('1 for the run, from 2 on for each time that it was resumed'),
  startedAt: z.iso.datetime().describe('ISO 8601, UTC'),
  apiVersion: text('api-version that was named to the service'),
  attestation: text('how the devices proved who they are'),
  workers: count('worker threads'),
  concurrency: count('registrations that could be in flight'),
  loadShape: z
    .enum(LOAD_SHAPES)
    .describe('what launches were timed by; closed = free slots alone; null = the journal does not tell')
    .nullable(),
  ratePerSecond: number('launches a second that were intended; null = no steady rate').nullable(),
  rowsMax: count('rows that could be launched (--limit); null = the whole fleet').nullable(),
});

const RECOVERY_MEANING = 'first start of the run until that share of its registrations was assigned; null = never';

const REQUESTS = z.strictObject({
  connections: count('connections opened'),
  registersSent: count('register requests, which the service bills'),
  polls: count('polls of an operation, which are not billed'),
  throttles: count('answers with 429'),
  serverErrors: count('answers with 5xx, or that could not be read'),
  staleAnswers: count('answers that matched no request, and were dropped'),
  retryAftersClamped: count('answers with a retry-after over the limit'),
});

const LIMIT = z.strictObject({
  name: z.enum(Object.keys(HEALTH_LIMITS) as (keyof typeof HEALTH_LIMITS)[]),
  limit: number('in the unit of its name: milliseconds, or cores'),
  observed: number('null = not measured, and so not exceeded').nullable(),
  exceeded: z.boolean(),
});

const LOAD_GENERATOR = z
  .strictObject({
    limited: z.boolean().describe('whether a limit was exceeded: the times are not the service’s alone'),
    limits: z.array(LIMIT),
    startLagP99Ms: ms('99th percentile of the start lag; of every load shape but closed').nullable(),
    startLagMaxMs: ms('longest start lag; of every load shape but closed').nullable(),
    loopDelayP99Ms: ms('99th percentile, over the seconds, of the longest event-loop delay of any worker').nullable(),
    loopDelayMaxMs: ms('longest event-loop delay').nullable(),
    cpuShareMean: number('cores that dpsload kept busy, on average; 2 = two cores').nullable(),
    cpuShareMax: number('the most of them in one second').nullable(),
    emulatorCpuShareMean: number('cores that the embedded emulator kept busy, on average').nullable(),
    fileDescriptorsMax: count('open files of dpsload, at most').nullable(),
    rssBytesMax: count('memory of dpsload at most, in bytes').nullable(),
  })
  .describe('what was seen of the load generator; null = not measured');

const THRESHOLD = z.strictObject({
  expression: text('as it is judged, such as p95(service) < 3s'),
  quantity: z
    .enum(['duration', 'share', 'number', 'verdict'])
    .describe('unit of observed: milliseconds, a part of 1, plain, or 0 fail, 1 inconclusive, 2 pass'),
  observed: number('null = nothing was measured, which passes no threshold').nullable(),
  passed: z.boolean(),
  limited: z.boolean().describe('it holds, and yet counts as failed: the load generator was too slow to measure it'),
});

const ERROR = z.strictObject({
  code: text('the service’s or dpsload’s own; the result where there is none'),
  count: count('registrations that failed with it'),
  message: text('of the first one').nullable(),
  firstRow: count('row of the first one, from 0'),
  remedy: text('what to do about it').nullable(),
});

/** The shape of `summary.json`; strict, so that no member can be there that has no meaning here. */
export const SUMMARY_SHAPE = z.strictObject({
  schemaVersion: z.literal(1).describe('raised when a member changes its meaning or goes'),
  dpsloadVersion: text('version that made the run'),
  target: z.strictObject({
    label: text('the target in one line; begins with EMULATOR where it is one'),
    kind: z.enum(['emulator', 'service']),
    host: text('host name or address'),
    port: z.int().min(1).max(65_535).describe('TCP port'),
    idScope: text('ID scope of the DPS instance'),
  }),
  verdict: z
    .enum(['all-assigned', 'some-failed', 'stopped', 'unfinished'])
    .describe('unfinished: the journal has no end, the run is going on or was killed'),
  end: z
    .strictObject({
      reason: z.enum(END_REASONS),
      message: text('for people; null = the reason says all').nullable(),
    })
    .nullable()
    .describe('how the last session ended; null = it has not'),
  name: text('of the scenario').nullable(),
  region: text('where the devices are, as the operator calls it').nullable(),
  mergedRuns: z
    .array(z.string())
    .describe('names of the folders of the runs that were merged, in the order in which they began; null = one run')
    .nullable(),
  sessions: z.array(SESSION).min(1),
  fleet: z.strictObject({
    file: text('as it was given'),
    digest: text('SHA-256 of the file, hexadecimal'),
    rows: count('rows that can be used'),
    rejectedRows: count('rows that were skipped, listed in rejected-rows.csv'),
    rounds: count('times that the fleet is registered'),
  }),
  results: z
    .record(z.enum(REGISTRATION_RESULTS), count('registrations that ended so'))
    .describe('every row of every round has one result; they add up to rows × rounds'),
  plannedRegistrations: count(
    'what the run set out to do: registrations that it launched, where it came to its end; else every row of every round',
  ),
  possiblyTwice: count('registrations that the service may have seen more often than the run knows'),
  latency: z
    .record(z.enum(LATENCY_METRICS), DURATIONS.nullable())
    .describe('of assigned registrations, but responseNotAssigned; null = nothing was measured'),
  recovery: z.strictObject({
    to50PercentMs: ms(RECOVERY_MEANING).nullable(),
    to95PercentMs: ms(RECOVERY_MEANING).nullable(),
    to99PercentMs: ms(RECOVERY_MEANING).nullable(),
    to100PercentMs: ms(RECOVERY_MEANING).nullable(),
  }),
  hubs: z
    .array(
      z.strictObject({
        hub: text('host name'),
        count: count('registrations that were assigned to it'),
        share: share('of all assigned ones'),
      }),
    )
    .describe('the largest first'),
  expectedHubs: z
    .strictObject({
      asExpected: count('assigned registrations that came to the expected_hub of their row'),
      elsewhere: count('those that came to another hub'),
    })
    .nullable()
    .describe('null = no row expects a hub'),
  allocation: ALLOCATION,
  movement: MOVEMENT,
  hubMinutes: HUB_MINUTES.describe('shares over time, in stretches of a minute or more'),
  errors: z.array(ERROR).describe('the most frequent first'),
  requests: REQUESTS.describe('of all registrations that have ended'),
  throughput: z.strictObject({
    activeMs: ms('first start to last end, summed over the sessions'),
    ended: count('registrations that started and ended'),
    endedPerSecond: number('ended over active time; null = none').nullable(),
  }),
  loadGenerator: LOAD_GENERATOR,
  thresholds: z.array(THRESHOLD).describe('in the order in which they were given'),
  files: z
    .array(z.strictObject({ name: text('beside summary.json'), sha256: text('SHA-256 of the file, hexadecimal') }))
    .describe(
      'the files of the run but report.html, which is made of this one; null = the run has no end, and no files',
    )
    .nullable(),
  warnings: z.array(z.string()).describe('for people'),
});

/** The JSON Schema of `summary.json`. */
export function summarySchema(): object {
  return { title: 'summary.json of dpsload', ...z.toJSONSchema(SUMMARY_SHAPE, { target: 'draft-7' }) };
}
