import { SLOW_REGISTRATION_SECONDS } from '../../load/pace.ts';
import { durationBetween } from '../notation/duration.ts';
import { choice, FILE, FOLDER, PERCENTAGE, wholeNumberBetween, YES_NO } from '../notation/notation.ts';
import { BATCHES, QUOTA, RATE, STAGES } from '../notation/rate.ts';
import { setting } from './setting.ts';

/** Registrations in flight: one source address has about 28,000 local ports towards one target. */
export const CONCURRENCY_MAX = 25_000;

/** Of the closed model; at a service time of 2 s it makes 50 registrations a second, more than the service's quota allows. */
export const CONCURRENCY_DEFAULT = 100;

/** Register requests a second that an instance grants, of the documented 1000 a minute. */
export const QUOTA_DEFAULT_PER_SECOND = 1_000 / 60;

/** Registrations of each enrollment group that go first at a real service. */
export const CANARY_DEFAULT = 20;

/** Threads; more than any machine has cores to spare. */
const WORKERS_MAX = 256;

/** Longest run and longest outage that can be asked for: a month. */
const RUN_MAX_MS = 31 * 86_400_000;

const SECOND_MS = 1_000;

const NO_DEFAULT = { default: null, defaultText: 'none' } as const;

/** How a run loads the service, and what it never does to it. */
export const LOAD_SETTINGS = {
  concurrency: setting({
    key: 'load.concurrency',
    flag: { short: 'c' },
    notation: wholeNumberBetween(1, CONCURRENCY_MAX),
    default: null,
    defaultText: `rate × ${SLOW_REGISTRATION_SECONDS} s, else ${CONCURRENCY_DEFAULT}`,
    reason: 'room for registrations of 10 s at the wanted rate',
    help: 'registrations in flight, over all workers',
    group: 'Load',
  }),
  rate: setting({
    key: 'load.rate',
    flag: { short: 'r' },
    notation: RATE,
    default: null,
    defaultText: 'as fast as the concurrency allows',
    reason: 'the closed model',
    help: 'launches over all workers, such as 900/min or 50/s',
    group: 'Load',
  }),
  stages: setting({
    key: 'load.stages',
    notation: STAGES,
    ...NO_DEFAULT,
    reason: 'most runs have one rate',
    help: 'launches in stages, such as 10/s:1m,50/s:2m:ramp,0:30s; the run ends with the last',
    group: 'Load',
  }),
  batches: setting({
    key: 'load.batches',
    notation: BATCHES,
    ...NO_DEFAULT,
    reason: 'a rate loads the service more evenly',
    help: 'staggered batches: so many devices at the start of each interval, such as 200/1m',
    group: 'Load',
  }),
  atOnce: setting({
    key: 'load.atOnce',
    notation: YES_NO,
    default: false,
    reason: 'it is the power cut',
    help: 'every device is meant to start when the run starts; what waits for a slot shows as start lag',
    group: 'Load',
  }),
  quota: setting({
    key: 'load.quota',
    notation: QUOTA,
    default: null,
    defaultText: '1000/min, off for a loopback target',
    reason: 'the documented quota of one DPS instance',
    help: 'register requests that the DPS instance grants; a run keeps to its share of them',
    group: 'Load',
  }),
  quotaShare: setting({
    key: 'load.quotaShare',
    notation: PERCENTAGE,
    default: 0.75,
    reason: 'the rest is for live devices, and for how the service counts',
    help: 'share of the quota that the run may use, repeated requests included',
    group: 'Load',
  }),
  governor: setting({
    key: 'load.governor',
    notation: choice(['on', 'off']),
    default: null,
    defaultText: 'on, off for a loopback target without a quota',
    reason: 'throttling means that somebody gets nothing',
    help: 'lower the rate when the service throttles, and probe up again',
    group: 'Load',
  }),
  canary: setting({
    key: 'load.canary',
    notation: wholeNumberBetween(0, 10_000),
    default: null,
    defaultText: `${CANARY_DEFAULT}, 0 for a loopback target`,
    reason: 'one wrong key must not ruin the night',
    help: 'devices of each group that must be assigned before the rest starts',
    group: 'Load',
  }),
  outageMax: setting({
    key: 'load.outageMax',
    notation: durationBetween(SECOND_MS, RUN_MAX_MS),
    default: 15 * 60_000,
    reason: 'longer ones need somebody to look',
    help: 'how long nothing may get through before the run stops, resumable',
    group: 'Load',
  }),
  workers: setting({
    key: 'load.workers',
    flag: { short: 'w' },
    notation: wholeNumberBetween(1, WORKERS_MAX),
    default: null,
    defaultText: 'cores − 1, at least 1, at most the concurrency',
    reason: 'one core is left to the coordinator',
    help: 'worker threads; never more than the concurrency',
    group: 'Load',
  }),
  limit: setting({
    key: 'load.limit',
    flag: { short: 'n' },
    notation: wholeNumberBetween(1, 1_000_000_000),
    default: null,
    defaultText: 'the whole fleet',
    reason: 'a run registers every row',
    help: 'rows to register in this run',
    group: 'Load',
  }),
  duration: setting({
    key: 'load.duration',
    flag: { short: 'd' },
    notation: durationBetween(SECOND_MS, RUN_MAX_MS),
    default: null,
    defaultText: 'until the work is done',
    reason: 'a run registers every row',
    help: 'nothing is launched after this time; what is left can be resumed',
    group: 'Load',
  }),
  rounds: setting({
    key: 'load.rounds',
    notation: wholeNumberBetween(1, 1_000),
    default: 1,
    reason: 'each row is used once',
    help: 'register the fleet so many times, one round after the other',
    group: 'Load',
  }),
  exclude: setting({
    key: 'load.exclude',
    notation: FOLDER,
    ...NO_DEFAULT,
    reason: 'a run registers every row',
    help: 'folder of an earlier run: leave out the registration IDs that were assigned there',
    group: 'Load',
  }),
  only: setting({
    key: 'load.only',
    notation: FILE,
    ...NO_DEFAULT,
    reason: 'a run registers every row',
    help: 'CSV with a column registration_id (such as failures.csv): take only these of the fleet; one that it does not have counts as a bad row',
    group: 'Load',
  }),
  expect: setting<'new' | 'existing' | 'any'>({
    key: 'registration.expect',
    notation: choice(['new', 'existing', 'any']),
    default: 'any',
    reason: 'only the operator knows',
    help: 'whether the service should know the devices already',
    group: 'Each registration',
  }),
  maxSurprises: setting({
    key: 'registration.maxSurprises',
    notation: wholeNumberBetween(0, 1_000_000_000),
    default: 10,
    reason: 'a few devices of a batch may have been tested before',
    help: 'more devices than these that are not what --expect says stop the run',
    group: 'Each registration',
  }),
} as const;
