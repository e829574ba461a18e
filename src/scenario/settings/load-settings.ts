import { REGISTRATIONS_PER_MINUTE_MAX } from '../../dps/service-limits.ts';
import { ON_OUTAGE } from '../../load/outage-watch.ts';
import { SLOW_REGISTRATION_SECONDS } from '../../load/pace.ts';
import { CLOSED_SLOTS, CONCURRENCY_MAX } from '../../load/slots.ts';
import { DAY_MS } from '../../time/duration.ts';
import { durationBetween } from '../notation/duration.ts';
import { LINKED_HUBS } from '../notation/linked-hubs.ts';
import { choice, FILE, FOLDER, PERCENTAGE, wholeNumberBetween, wholeNumberOr, YES_NO } from '../notation/notation.ts';
import { BATCHES, QUOTA, RATE, STAGES } from '../notation/rate.ts';
import { inGroup, setting } from './setting.ts';

/** Register requests a second, as the documented quota of an instance allows. */
export const QUOTA_DEFAULT_PER_SECOND = REGISTRATIONS_PER_MINUTE_MAX / 60;

/** Registrations of each enrollment group that go first at a real service. */
export const CANARY_DEFAULT = 20;

/** More than any machine has cores to spare, and enough for a thousand agents. */
const WORKERS_MAX = 4_096;

/** Longest run and longest outage that can be requested. */
const RUN_MAX_MS = 31 * DAY_MS;

const SECOND_MS = 1_000;

const EVERY_ROW = 'a run registers every row';

/** How a run loads the service, and the limits that protect it. */
export const LOAD_SETTINGS = inGroup('Load', {
  concurrency: setting('load.concurrency', wholeNumberOr('auto', 1, CONCURRENCY_MAX), {
    flag: { short: 'c' },
    default: 'auto',
    reason: 'a load that waits for slots is not the one that was asked for',
    help: `maximum number of registrations in flight, over all workers; auto is as many as the load fills and this machine has room for: one for each device with --at-once, two batches or more, the highest rate × ${SLOW_REGISTRATION_SECONDS} s, or ${CLOSED_SLOTS} if nothing else sets the load`,
  }),
  rate: setting('load.rate', RATE, {
    flag: { short: 'r' },
    defaultText: 'as fast as the concurrency allows',
    reason: 'the closed model',
    help: 'rate of launches over all workers, such as 600/min or 50/s',
  }),
  stages: setting('load.stages', STAGES, {
    reason: 'most runs have one rate',
    help: 'launch in stages, such as 10/s:1m,50/s:2m:ramp,0:30s; the run ends with the last stage',
  }),
  batches: setting('load.batches', BATCHES, {
    reason: 'a steady rate loads the service more evenly',
    help: 'launch this many devices at the start of each interval, such as 200/1m',
  }),
  atOnce: setting('load.atOnce', YES_NO, {
    default: false,
    defaultText: 'no',
    reason: 'only a power cut does this',
    help: 'launch every device when the run starts, as after a power cut; a wait for a free slot shows as start lag',
  }),
  quota: setting('load.quota', QUOTA, {
    defaultText: `${REGISTRATIONS_PER_MINUTE_MAX}/min, off for a loopback target`,
    reason: 'the documented quota of one DPS instance',
    help: 'register requests that the DPS instance allows; a run stays within its share of them, and a load that asks for more is an error unless this is off',
  }),
  quotaShare: setting('load.quotaShare', PERCENTAGE, {
    default: 0.75,
    reason: 'leaves a margin for live devices and for how the service counts',
    help: 'share of the quota that this run may use, repeated requests included',
  }),
  hubs: setting('load.hubs', LINKED_HUBS, {
    defaultText: 'unknown',
    reason: 'nothing says which hubs are linked',
    help: 'the linked hubs with tier and units, such as hub-a=S1:2,hub-b=S1:2: how fast they create identities bounds the estimated duration; check also compares their capacity',
  }),
  governor: setting('load.governor', choice(['on', 'off']), {
    defaultText: 'on, off for a loopback target without a quota',
    reason: 'throttling means that somebody is turned away',
    help: 'lower the rate when the service throttles, and raise it again step by step',
  }),
  canary: setting('load.canary', wholeNumberBetween(0, 10_000), {
    defaultText: `${CANARY_DEFAULT}, 0 for a loopback target`,
    reason: 'one wrong key must not spoil a whole night',
    help: 'devices of each group that must be assigned before the rest starts',
  }),
  onOutage: setting('load.onOutage', choice(ON_OUTAGE), {
    defaultText: 'hold, ignore with --at-once',
    reason: 'no device should fail because the target was away',
    help: 'during an outage of the target: hold every device but one that probes it, or ignore the outage, as independent devices would',
  }),
  outageMax: setting('load.outageMax', durationBetween(SECOND_MS, RUN_MAX_MS), {
    default: 15 * 60_000,
    reason: 'a longer outage needs a person',
    help: 'stop the run when nothing has succeeded for this long; it can be resumed',
  }),
  workers: setting('load.workers', wholeNumberBetween(1, WORKERS_MAX), {
    flag: { short: 'w' },
    defaultText: 'cores − 1, at least 1, at most the concurrency; with agents, all their slots',
    reason: 'leaves one core for the main thread',
    help: 'worker threads, over all agents if there are any; never more than the concurrency',
  }),
  limit: setting('load.limit', wholeNumberBetween(1, 1_000_000_000), {
    flag: { short: 'n' },
    defaultText: 'the whole fleet',
    reason: EVERY_ROW,
    help: 'number of rows to register in this run',
  }),
  duration: setting('load.duration', durationBetween(SECOND_MS, RUN_MAX_MS), {
    flag: { short: 'd' },
    defaultText: 'until every row is done',
    reason: EVERY_ROW,
    help: 'launch nothing after this time; the remaining rows can be resumed',
  }),
  rounds: setting('load.rounds', wholeNumberBetween(1, 1_000), {
    default: 1,
    reason: 'each row is used once',
    help: 'register the fleet this many times, one round after another',
  }),
  exclude: setting('load.exclude', FOLDER, {
    reason: EVERY_ROW,
    help: 'folder of an earlier run: leave out the registration IDs that were assigned in it',
  }),
  only: setting('load.only', FILE, {
    reason: EVERY_ROW,
    help: 'CSV with a column registration_id, such as failures.csv: register only the rows with these IDs; an ID that is not in the fleet counts as a bad row',
  }),
});
