import { z } from 'zod';
import { ALLOCATION_POLICIES, REPROVISION_POLICIES } from '../allocation/allocation-expectation.ts';
import { ALLOCATION_VERDICTS } from '../allocation/allocation-verdict.ts';
import { END_REASONS, LOAD_SHAPES } from '../journal/journal-record.ts';
import { AGENT_LIMITS } from '../metrics/agents-fold.ts';
import { JUDGED_METRICS, JUDGED_PERCENTILES } from '../metrics/generator-share.ts';
import { LATENCY_METRICS } from '../metrics/latency-metric.ts';
import { HEALTH_LIMIT_NAMES } from '../metrics/load-generator-health.ts';
import { REGISTRATION_RESULTS } from '../registration/registration-outcome.ts';
import { AUDIT_SHAPE } from './audit-schema.ts';

/*
 * `summary.json`, documented for other programs: every member with its meaning and unit. Absent values are null; members
 * named …Ms are milliseconds; shares are parts of 1.
 */

const count = (meaning: string) => z.int().min(0).describe(meaning);
const ms = (meaning: string) =>
  z
    .number()
    .min(0)
    .describe(meaning.replace(/(?=;|$)/, ', in milliseconds'));
const share = (meaning: string) => z.number().min(0).max(1).describe(`${meaning}; a fraction of 1`);
const text = (meaning: string) => z.string().describe(meaning);
const number = (meaning: string) => z.number().describe(meaning);

const VERDICT = z.enum(ALLOCATION_VERDICTS).describe('inconclusive = more devices are needed');

const INTERVAL = z
  .strictObject({ lower: share('lower end'), upper: share('upper end') })
  .describe('confidence interval of the share: Goodman’s simultaneous intervals');

const SHARE_REASONS = ['within', 'outside', 'too-few', 'not-expected', 'missing', 'unassigned'] as const;

const CHI_SQUARE = z
  .strictObject({
    statistic: z.number().min(0).describe('Pearson’s chi-square'),
    degreesOfFreedom: count('degrees of freedom of the statistic'),
    pValue: share('probability of counts at least this far off by chance alone; for information'),
  })
  .nullable()
  .describe('null = nothing to compare');

const HUB = z.strictObject({
  hub: z.string().describe('host name, lower case'),
  count: count('devices assigned to their first hub'),
  share: share('of the cohort’s initial assignments; null = none').nullable(),
  expectedShare: share('expected by the scenario, or seen in the run that it names'),
  interval: INTERVAL,
  verdict: VERDICT,
  reason: z.enum(SHARE_REASONS),
});

const COHORT = z.strictObject({
  name: z.string().describe('group, region, or hub that rows expect; empty = the whole fleet'),
  verdict: VERDICT,
  initial: count('devices assigned to their first hub'),
  unassigned: count('launched devices that had no hub before and have none now'),
  hubs: z.array(HUB),
});

const MOVEMENT_VERDICT = z.strictObject({
  known: count('devices that had a hub before and have one now'),
  moved: count('devices now at another hub'),
  share: share('moved devices of known; null = no known device').nullable(),
  expectedShare: share('expected by the scenario'),
  interval: INTERVAL,
  policy: z.enum(REPROVISION_POLICIES).nullable(),
  verdict: VERDICT,
  reason: z.enum([...SHARE_REASONS, 'substatus']),
});

const ALLOCATION = z
  .strictObject({
    verdict: VERDICT,
    policy: z.enum(ALLOCATION_POLICIES).nullable(),
    by: z.enum(['fleet', 'group', 'region', 'row']).describe('how devices are grouped into cohorts'),
    asRun: z.string().nullable().describe('run whose shares are expected; null = shares are stated'),
    tolerance: share('percentage points by which a share may deviate to either side; 0.06 = 6 points'),
    confidence: share('probability that all intervals hold simultaneously'),
    cohorts: z.array(COHORT),
    unjudged: count('devices assigned to a first hub that belong to no cohort of the scenario'),
    unassignedShare: share('launched devices without a hub; null = none launched').nullable(),
    chiSquare: CHI_SQUARE,
    movement: MOVEMENT_VERDICT.nullable().describe(
      'null = the scenario expects nothing of devices that register again',
    ),
  })
  .nullable()
  .describe('verdict on the allocation policy; null = the scenario expects nothing');

const SUBSTATUS_COUNTS = z.record(z.string(), count('devices; an empty name = no substatus'));

const MOVEMENT = z
  .strictObject({
    changes: z.strictObject({
      kept: count('at the same hub'),
      moved: count('at another hub'),
      lost: count('no longer assigned: failed or disabled at the service'),
    }),
    changedDeviceId: count('with a different device ID'),
    substatus: SUBSTATUS_COUNTS,
    movedSubstatus: SUBSTATUS_COUNTS.describe('of moved devices'),
  })
  .nullable()
  .describe(
    'devices that had a hub before, in an earlier round or before the run, as far as the service reported; null = none',
  );

const HUB_MINUTES = z.strictObject({
  bucketMs: z.number().min(0).describe('length of each period, in milliseconds'),
  hubs: z.array(z.string().describe('host name')),
  counts: z.array(z.array(count('registrations assigned'))).describe('for each period from the start, by hub'),
  drift: CHI_SQUARE,
});

const DURATIONS = z.strictObject({
  count: count('measured durations'),
  minMs: ms('shortest'),
  meanMs: ms('mean'),
  p50Ms: ms('median'),
  p90Ms: ms('90th percentile'),
  p95Ms: ms('95th percentile'),
  p99Ms: ms('99th percentile'),
  p999Ms: ms('99.9th percentile'),
  maxMs: ms('longest'),
  clamped: count('durations below 0 or above 1 h, counted as 0 or as 1 h'),
});

const NOTES = z.record(z.string(), z.string());

const SETUP = z
  .strictObject({
    stages: z
      .array(
        z.strictObject({
          ratePerSecond: number('launches per second'),
          forMs: ms('length of the stage'),
          ramp: z.boolean().describe('the rate changes linearly from that of the stage before, or from 0'),
        }),
      )
      .describe('of a load in stages, in order; empty for every other load'),
    batch: z
      .strictObject({ size: count('devices of a batch'), everyMs: ms('start of a batch to the start of the next') })
      .nullable()
      .describe('null = the load is not in batches'),
    transport: text('mqtt = over TLS; websocket = over WebSocket over TLS'),
    mqttClient: text('client that speaks MQTT'),
    tlsVersionMin: text('oldest TLS version that was accepted, such as TLSv1.2'),
    tlsVersionMax: text('newest TLS version that was offered'),
    tlsVersion: text('the one that the first device and the service agreed on; null = it did not connect').nullable(),
    pollDelayMs: ms('pause before a poll when the service sends no retry-after'),
    pollDelayMinMs: ms('shortest pause before a poll'),
    governor: z.boolean().describe('whether throttling lowers the rate'),
    node: text('version of Node'),
    openssl: text('version of OpenSSL'),
    platform: text('operating system, its release and the architecture'),
    cpu: text('model; null = the system does not say').nullable(),
    cores: count('CPU cores that Node may use'),
    memoryBytes: count('memory of the machine'),
  })
  .nullable()
  .describe('what was run, and on what; null = not recorded');

const AGENT_RECORD = {
  name: text('name of the agent'),
  labels: z.record(z.string(), z.string()).describe('labels of the agent, by name'),
  slots: count('workers that it can host'),
  version: text('version of dpsload on it'),
};

const SESSION = z.strictObject({
  session: z.int().min(1).describe('1 = the first session; each resume adds one'),
  startedAt: z.iso.datetime().describe('ISO 8601, UTC'),
  apiVersion: text('api-version sent to the service'),
  attestation: text('attestation of the devices'),
  workers: count('worker threads, on all agents together'),
  concurrency: count('limit of registrations in flight'),
  loadShape: z
    .enum(LOAD_SHAPES)
    .describe('what timed the launches; closed = free slots only; null = not recorded')
    .nullable(),
  ratePerSecond: number('intended launches per second; null = no steady rate').nullable(),
  rowsMax: count('limit of launched rows (--limit); null = the whole fleet').nullable(),
  notes: NOTES.describe('notes of the session, with those of earlier sessions'),
  setup: SETUP,
  agents: z
    .array(z.strictObject(AGENT_RECORD))
    .optional()
    .describe('agents that were there when the session began; absent = the workers were threads of one machine'),
});

const RECOVERY_MEANING = 'first start of the run until this share of registrations was assigned; null = never';

const REQUESTS = z.strictObject({
  connections: count('connections opened'),
  registersSent: count('register requests that are known, which the service bills'),
  registersUncounted: count(
    'register requests that may have been sent in addition: one for each release to a worker without an outcome, as after a crash',
  ),
  registersReplaced: count(
    'the part of registersSent by registrations that were made again; registrations.csv has only the last',
  ),
  polls: count('polls of an operation, which are not billed'),
  throttles: count('responses with status 429'),
  serverErrors: count('responses with status 5xx, or unreadable'),
  staleAnswers: count('dropped responses that matched no request'),
  retryAftersClamped: count('responses with a retry-after above the limit'),
});

const LIMIT = z.strictObject({
  name: z
    .enum(HEALTH_LIMIT_NAMES)
    .describe(
      'timeShare = the largest part of a percentile that its own delays may have caused; launchRateShare = the part of the launch rate that is missing through its lateness; saturatedShare = the part of the time in which a worker had almost no idle time',
    ),
  limit: share('the largest that makes no difference'),
  observed: share('null = not measured, hence not exceeded').nullable(),
  exceeded: z.boolean(),
});

const AFFECTED = z.strictObject({
  metric: z.enum(JUDGED_METRICS).describe('member of latency'),
  percentile: z.literal(JUDGED_PERCENTILES),
  measuredMs: ms('as in latency'),
  withoutMs: ms('without all that the load generator may have caused; the true value lies between the two'),
});

const OUT_OF_SLOTS = z
  .strictObject({
    waited: count('launches that waited for a free slot'),
    launches: count('launches'),
    waitP95Ms: ms('95th percentile of their wait'),
    waitMaxMs: ms('longest wait'),
    slotsNeeded: count(
      'slots that the rate and the mean time of a registration ask for; null = no steady rate',
    ).nullable(),
  })
  .describe(
    'registrations took too long for this load and these slots, which is not the fault of the load generator; null = the slots sufficed',
  );

const LOAD_GENERATOR = z
  .strictObject({
    limited: z
      .boolean()
      .describe('a limit was exceeded: figures of the run may contain delays of the load generator itself'),
    limits: z.array(LIMIT),
    affected: z
      .array(AFFECTED)
      .describe(
        'percentiles that would be lower by more than 5% and 5 ms without its delays; only those with at least 10 durations beyond them',
      ),
    launchRate: z
      .strictObject({
        achievedPerSecond: number('launches per second, from the first to the last'),
        withoutPerSecond: number('the same without the lateness of the load generator'),
      })
      .nullable()
      .describe('null = it kept the launch rate to within 5%, or there is none'),
    limitedPeriods: z
      .array(
        z.strictObject({
          fromMs: ms('from the first start of the run'),
          toMs: ms('from the first start of the run'),
        }),
      )
      .describe('when it delayed registrations, at most 5 periods; empty if limited is false'),
    outOfSlots: OUT_OF_SLOTS.nullable(),
    startLagP99Ms: ms('99th percentile of the start lag; null for the closed load shape').nullable(),
    startLagMaxMs: ms('longest start lag; null for the closed load shape').nullable(),
    loopDelayP99Ms: ms('99th percentile over all seconds of the longest event-loop delay of any worker').nullable(),
    loopDelayMaxMs: ms('longest event-loop delay').nullable(),
    saturatedMs: ms('time in which the busiest worker had almost no idle time'),
    cpuShareMean: number('cores that dpsload kept busy, mean').nullable(),
    cpuShareMax: number('cores that dpsload kept busy, maximum of any second').nullable(),
    emulatorCpuShareMean: number('cores that the embedded emulator kept busy, mean').nullable(),
    fileDescriptorsMax: count('maximum number of files dpsload had open').nullable(),
    rssBytesMax: count('maximum memory of dpsload, in bytes').nullable(),
  })
  .describe('load generator measurements; null = not measured');

const AGENT = z.strictObject({
  ...AGENT_RECORD,
  isLost: z.boolean().describe('it was lost and had not come back at the end'),
  losses: count('how often it was lost'),
  assigned: count('registrations of the agent that were assigned'),
  failed: count('registrations of the agent that failed'),
  launched: count('launches, those included that were repeated elsewhere'),
  connections: count('connections opened, of ended registrations'),
  workersMax: count('most workers that it hosted at once'),
  inFlightMax: count('most registrations in flight, at the end of a second'),
  startLagP99Ms: ms('99th percentile of the start lag, within 0.6%; null for the closed load shape').nullable(),
  startLagMaxMs: ms('longest start lag; null for the closed load shape').nullable(),
  loopDelayMaxMs: ms('longest event-loop delay; null = not measured').nullable(),
  cpuShareMean: number('cores that it kept busy, mean; null = not measured').nullable(),
  cpuShareMax: number('cores that it kept busy, maximum; null = not measured').nullable(),
  rssBytesMax: count('maximum memory, in bytes; null = not measured').nullable(),
  fileDescriptorsMax: count(
    'maximum number of files it had open, connections included; null = not measured',
  ).nullable(),
  offsetMs: number('its clock relative to the clock of the run, in milliseconds; null = not measured').nullable(),
  offsetUncertaintyMs: ms('how far that may have been wrong either way, at most; null = not measured').nullable(),
  saturatedMs: ms('time in which its busiest worker had almost no idle time'),
  delayed: count('registrations that it may have delayed itself'),
  delayedMs: ms('sum of these delays'),
  delayMaxMs: ms('longest of these delays'),
  delayShare: share('of these delays of all agents; null = there were none').nullable(),
  slotWaits: count('launches that waited for a slot'),
  slotWaitMaxMs: ms('longest wait for a slot'),
  limitedBy: z
    .array(z.enum(AGENT_LIMITS))
    .describe(
      'by what it limited the run: delays = its own delays are at least half as large as those of the worst agent, and may have changed figures of the run; saturation = one of its workers had almost no idle time; slots = its launches waited for slots at least half as often as those of the worst agent',
    ),
  limitedPeriods: z
    .array(
      z.strictObject({
        fromMs: ms('from the first start of the run'),
        toMs: ms('from the first start of the run'),
      }),
    )
    .describe('when it delayed registrations, at most 5 periods; empty if limitedBy is empty'),
});

const FILES = z.array(
  z.strictObject({
    name: text('name in the folder of summary.json'),
    sha256: text('SHA-256 of the file, hexadecimal'),
  }),
);

const THRESHOLD = z.strictObject({
  expression: text('the threshold, such as p95(service) < 3s'),
  quantity: z
    .enum(['duration', 'share', 'number', 'verdict'])
    .describe('unit of observed: milliseconds, a fraction of 1, a plain number, or 0 fail, 1 inconclusive, 2 pass'),
  observed: number('null = not measured, which fails every threshold').nullable(),
  passed: z.boolean(),
  limited: z
    .boolean()
    .describe(
      'whether the threshold holds depends on delays that the load generator itself may have caused; then it does not pass, except with allowLimited',
    ),
  withoutLoadGenerator: number(
    'if limited, what would have been observed without those delays; null = not limited',
  ).nullable(),
});

const ERROR = z.strictObject({
  code: text('code of the service or of dpsload; without one, the result'),
  count: count('registrations that failed with this code'),
  message: text('message of the first such registration').nullable(),
  firstRow: count('row of the first such registration, from 0'),
  remedy: text('remedy').nullable(),
});

const ROW_STATES = {
  assigned: count('rows whose device has a hub'),
  failed: count('rows that were tried and are finally without a hub'),
  leftOut: count('rows left out as unusable, duplicate or exact copies'),
  notSelected: count('rows that --limit, --only or --exclude did not select'),
  notStarted: count('selected rows for which nothing was sent'),
  unknown: count('rows that were possibly sent, without an answer'),
};

const ACCOUNT = z
  .strictObject({ fileRows: count('data rows of the fleet file'), ...ROW_STATES })
  .describe('every data row of the fleet file, each in one state; with several rounds, by the latest that was sent');

const ROW_COUNTS = {
  rows: count('rows of the fleet file'),
  ...ROW_STATES,
  hubs: z
    .array(z.strictObject({ hub: text('host name'), count: count('devices assigned to the hub') }))
    .describe('of the assigned devices, largest first; the first 200 hubs of the run'),
};

const BREAKDOWN = z.strictObject({
  column: text('column of the fleet; group and expected_hub whatever the file calls them'),
  values: z
    .array(
      z.strictObject({
        value: text('value of the column; empty = none; null = it can no longer be read').nullable(),
        ...ROW_COUNTS,
      }),
    )
    .describe('most failures first, then most rows; at most 50, and the rows whose value cannot be read'),
  others: z
    .strictObject({
      values: count('how many values; null = more than 10,000 in the column').nullable(),
      ...ROW_COUNTS,
    })
    .nullable()
    .describe('the sum of all other values; null = there are none'),
});

const AGENTS = z
  .strictObject({
    clockUncertaintyMs: ms(
      'how far the clock of any agent may have been off either way, at most, and with it start lag and response time; all other durations are measured on one machine; null = not measured',
    ).nullable(),
    agents: z.array(AGENT).describe('in the order in which they joined'),
    byLabel: z
      .array(BREAKDOWN)
      .describe('rows of the fleet that an agent registered, by each label of the agents; column is the label'),
  })
  .optional()
  .describe('agents that hosted the workers; absent = the workers were threads of one machine');

/** The shape of `summary.json`; strict, so that every member is documented here. */
export const SUMMARY_SHAPE = z.strictObject({
  schemaVersion: z.literal(2).describe('raised when a member changes its meaning or is removed'),
  dpsloadVersion: text('version of dpsload that made the run'),
  target: z.strictObject({
    label: text('the target in one line; begins with EMULATOR for an emulator'),
    kind: z.enum(['emulator', 'service']),
    host: text('host name or address'),
    port: z.int().min(1).max(65_535).describe('TCP port'),
    idScope: text('ID scope of the DPS instance'),
  }),
  account: ACCOUNT,
  verdict: z
    .enum(['all-assigned', 'part-assigned', 'some-failed', 'stopped', 'unfinished'])
    .describe(
      'all-assigned = every row of the fleet file; part-assigned = every device that was sent, but not every row of the file; stopped = before the end, or with unknown outcomes; unfinished = the journal has no end, because the run is in progress or was killed',
    ),
  end: z
    .strictObject({
      reason: z.enum(END_REASONS),
      message: text('for people; null = the reason says it all').nullable(),
    })
    .nullable()
    .describe('how the last session ended; null = it has not ended'),
  name: text('name of the scenario').nullable(),
  notes: NOTES.describe('the operator’s notes (--note) of all sessions; the last one of a name counts'),
  region: text('location of the devices, in the operator’s words; null = not stated').nullable(),
  mergedRuns: z
    .array(z.string())
    .describe('folder names of the merged runs, in the order in which they started; null = a single run')
    .nullable(),
  sessions: z.array(SESSION).min(1),
  fleet: z.strictObject({
    file: text('path as given'),
    digest: text('SHA-256 of the file, hexadecimal'),
    rows: count('usable rows'),
    rejectedRows: count('skipped rows, listed in rejected-rows.csv'),
    rounds: count('number of times the fleet is registered'),
  }),
  results: z
    .record(z.enum(REGISTRATION_RESULTS), count('registrations with this result'))
    .describe('every row of every round has one result; the counts add up to rows × rounds'),
  plannedRegistrations: count(
    'launched registrations if the run reached its planned end, otherwise every row of every round',
  ),
  possiblyTwice: count('registrations that the service may have seen more often than recorded'),
  latency: z
    .record(z.enum(LATENCY_METRICS), DURATIONS.nullable())
    .describe('assigned registrations only, except responseNotAssigned; null = not measured'),
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
        count: count('registrations assigned to the hub'),
        share: share('of all assigned registrations'),
      }),
    )
    .describe('largest first'),
  expectedHubs: z
    .strictObject({
      asExpected: count('registrations assigned to the expected_hub of their row'),
      elsewhere: count('registrations assigned to another hub'),
    })
    .nullable()
    .describe('null = no row expects a hub'),
  wrongHubs: z
    .strictObject({
      count: count('registrations at a wrong hub'),
      first: z
        .array(
          z.strictObject({
            registrationId: text('registration ID'),
            line: count(
              'line of the fleet file on which its row begins; null = the file is missing or was changed',
            ).nullable(),
            round: count('round over the fleet, from 1'),
            hub: text('host name of the assigned hub'),
            expectedHubs: z.array(text('host name, lower case')).describe('hubs that may have the device'),
          }),
        )
        .describe('the first of them; wrong-hub.csv has all'),
    })
    .nullable()
    .describe(
      'registrations at another hub than the expected_hub of their row, or at one that their cohort does not permit; null = nothing is expected of hubs',
    ),
  allocation: ALLOCATION,
  movement: MOVEMENT,
  hubMinutes: HUB_MINUTES.describe('shares over time, in periods of a minute or more'),
  groups: z
    .array(z.strictObject({ group: text('value of the column group; empty = none'), ...ROW_STATES }))
    .describe('the account by group, in the order of their names; empty = no row has a group, or more than 200 groups'),
  breakdowns: z
    .array(BREAKDOWN)
    .describe('the account by each column of --by; values and others add up to the account'),
  sharedValues: z
    .array(
      z.strictObject({
        code: text('code of the failures'),
        column: text('column of the fleet'),
        value: text('value of that column'),
        failed: count('devices that failed with this code and have this value'),
        failedOfCode: count('devices that failed with this code'),
        assigned: count('assigned devices with this value'),
      }),
    )
    .describe('values of fleet columns that nearly all failures with a code share and hardly any assigned device has'),
  errors: z.array(ERROR).describe('most frequent first'),
  requests: REQUESTS.describe('totals over all ended registrations'),
  throughput: z.strictObject({
    activeMs: ms('first start to last end, summed over the sessions'),
    ended: count('registrations that started and ended, without cancelled ones'),
    endedPerSecond: number('ended registrations per second of active time; null = none').nullable(),
    launchedPerSecond: number(
      'launches per second from the first start to the last; null = none, or all within a second; absent = made by an earlier version',
    )
      .nullable()
      .optional(),
    steadyEndedPerSecond: number(
      'registrations ended per second in steady state: from the first start to the last, both one median time from start to end later; null = none, or all launched within a second; absent = made by an earlier version',
    )
      .nullable()
      .optional(),
  }),
  loadGenerator: LOAD_GENERATOR,
  agents: AGENTS,
  thresholds: z.array(THRESHOLD).describe('in the order given'),
  audit: AUDIT_SHAPE.optional().describe('the last comparison with the records of the service; absent = none was made'),
  journals: FILES.describe(
    'journals that the results were made from; of merged runs, the name begins with the folder; null = no files, because the run has no end',
  ).nullable(),
  files: FILES.describe(
    'result files except report.html, which is made from this one; null = no files, because the run has no end',
  ).nullable(),
  warnings: z.array(z.string()).describe('for people'),
});

/** The JSON Schema of `summary.json`. */
export function summarySchema(): object {
  return { title: 'summary.json of dpsload', ...z.toJSONSchema(SUMMARY_SHAPE, { target: 'draft-7' }) };
}
