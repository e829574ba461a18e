import { REGISTRATION_POLICY_DEFAULT as POLICY } from '../../registration/registration-policy.ts';
import { DAY_MS } from '../../time/duration.ts';
import { durationBetween } from '../notation/duration.ts';
import { choice, wholeNumberBetween, YES_NO } from '../notation/notation.ts';
import { inGroup, setting } from './setting.ts';

/** A registration that takes longer has been forgotten. */
const REGISTRATION_MAX_MS = DAY_MS;

const PAUSE = durationBetween(0, REGISTRATION_MAX_MS);
const TIME_LIMIT = durationBetween(1, REGISTRATION_MAX_MS);

const AS_SDKS = 'same as the official SDKs';
const SERVICE_GUIDANCE = "the service's guidance for large fleets";
const CONFLICT = 'another client is registering the same ID';

export const EXPECTATION_SETTINGS = inGroup('Each registration', {
  expect: setting('registration.expect', choice(['new', 'existing', 'any']), {
    default: 'any',
    reason: 'only the operator knows',
    help: 'whether the service should know the devices already',
  }),
  maxSurprises: setting('registration.maxSurprises', wholeNumberBetween(0, 1_000_000_000), {
    default: 10,
    reason: 'a few devices of a batch may have been tested before',
    help: 'stop the run when more devices than this contradict --expect',
  }),
});

/** The limits and pauses of one registration. */
export const REGISTRATION_SETTINGS = inGroup('Each registration', {
  attempts: setting('registration.attempts', wholeNumberBetween(1, 1_000), {
    default: POLICY.attemptsMax,
    reason: 'a service that five attempts cannot reach is down',
    help: 'connections to open for one registration ID',
  }),
  deadline: setting('registration.deadline', TIME_LIMIT, {
    default: POLICY.deadlineMs,
    reason: 'five times the minute after which the service gives up on a hub',
    help: 'time limit for a whole registration, from its actual start',
  }),
  requestRetries: setting('registration.requestRetries', wholeNumberBetween(0, 100_000), {
    flag: null,
    default: POLICY.requestRetriesMax,
    reason: 'fills the whole deadline with pauses of 10 s',
    help: 'requests to repeat on one connection after 429, 5xx, 409 or a lost operation',
  }),
  polls: setting('registration.polls', wholeNumberBetween(1, 100_000), {
    flag: null,
    default: POLICY.pollsMax,
    reason: 'ends an operation that stays in assigning forever',
    help: 'polls of one operation',
  }),
  connectTimeout: setting('registration.connectTimeout', TIME_LIMIT, {
    flag: null,
    default: POLICY.connectTimeoutMs,
    reason: 'a busy front end has been seen to take seconds for a TLS handshake',
    help: 'time limit from opening a connection to its CONNACK',
  }),
  responseTimeout: setting('registration.responseTimeout', TIME_LIMIT, {
    flag: null,
    default: POLICY.responseTimeoutMs,
    reason: AS_SDKS,
    help: 'time limit from a request to its answer, and from SUBSCRIBE to SUBACK',
  }),
  pollDelay: setting('registration.pollDelay', PAUSE, {
    flag: null,
    default: POLICY.pollDelayDefaultMs,
    reason: AS_SDKS,
    help: 'pause before a poll when the service sends no retry-after',
  }),
  pollDelayMin: setting('registration.pollDelayMin', PAUSE, {
    flag: null,
    default: POLICY.pollDelayMinMs,
    reason: 'a retry-after of 0 would cause a tight loop',
    help: 'shortest pause before a poll, even if retry-after asks for less',
  }),
  retryAfterMax: setting('registration.retryAfterMax', PAUSE, {
    flag: null,
    default: POLICY.retryAfterMaxMs,
    reason: 'longer than any seen so far',
    help: 'longest retry-after to obey; longer ones are cut to this and counted',
  }),
  retryDelayBase: setting('registration.retryDelayBase', PAUSE, {
    flag: null,
    default: POLICY.retryDelayBaseMs,
    reason: SERVICE_GUIDANCE,
    help: 'first step of the exponential backoff',
  }),
  retryDelayMax: setting('registration.retryDelayMax', PAUSE, {
    flag: null,
    default: POLICY.retryDelayMaxMs,
    reason: SERVICE_GUIDANCE,
    help: 'longest step of the exponential backoff',
  }),
  conflictDelayMin: setting('registration.conflictDelayMin', PAUSE, {
    flag: null,
    default: POLICY.conflictDelayMinMs,
    reason: CONFLICT,
    help: 'shortest pause after a 409',
  }),
  conflictDelayMax: setting('registration.conflictDelayMax', PAUSE, {
    flag: null,
    default: POLICY.conflictDelayMaxMs,
    reason: CONFLICT,
    help: 'longest pause after a 409',
  }),
  retryInvalidCertificate: setting('registration.retryInvalidCertificate', YES_NO, {
    flag: null,
    default: POLICY.retriesInvalidCertificate,
    defaultText: 'no',
    reason: 'an invalid certificate stays invalid',
    help: 'connect once more when the service calls the certificate invalid (401002): it has been seen to reject valid ones now and then',
  }),
});
