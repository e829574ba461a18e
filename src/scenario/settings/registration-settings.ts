import { REGISTRATION_POLICY_DEFAULT as POLICY } from '../../registration/registration-policy.ts';
import { DAY_MS } from '../../time/duration.ts';
import { durationBetween } from '../notation/duration.ts';
import { choice, wholeNumberBetween, YES_NO } from '../notation/notation.ts';
import { inGroup, setting, unflagged } from './setting.ts';

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
  requestRetries: unflagged('registration.requestRetries', wholeNumberBetween(0, 100_000), {
    default: POLICY.requestRetriesMax,
    reason: 'fills the whole deadline with pauses of 10 s',
    help: 'requests to repeat on one connection after 429, 5xx, 409 or a lost operation',
  }),
  polls: unflagged('registration.polls', wholeNumberBetween(1, 100_000), {
    default: POLICY.pollsMax,
    reason: 'ends an operation that stays in assigning forever',
    help: 'polls of one operation',
  }),
  connectTimeout: unflagged('registration.connectTimeout', TIME_LIMIT, {
    default: POLICY.connectTimeoutMs,
    reason: 'a busy front end has been seen to take seconds for a TLS handshake',
    help: 'time limit from opening a connection to its CONNACK',
  }),
  responseTimeout: unflagged('registration.responseTimeout', TIME_LIMIT, {
    default: POLICY.responseTimeoutMs,
    reason: AS_SDKS,
    help: 'time limit from a request to its answer, and from SUBSCRIBE to SUBACK',
  }),
  pollDelay: unflagged('registration.pollDelay', PAUSE, {
    default: POLICY.pollDelayDefaultMs,
    reason: AS_SDKS,
    help: 'pause before a poll when the service sends no retry-after',
  }),
  pollDelayMin: unflagged('registration.pollDelayMin', PAUSE, {
    default: POLICY.pollDelayMinMs,
    reason: 'a retry-after of 0 would cause a tight loop',
    help: 'shortest pause before a poll, even if retry-after asks for less',
  }),
  retryAfterMax: unflagged('registration.retryAfterMax', PAUSE, {
    default: POLICY.retryAfterMaxMs,
    reason: 'longer than any seen so far',
    help: 'longest retry-after to obey; longer ones are cut to this and counted',
  }),
  retryDelayBase: unflagged('registration.retryDelayBase', PAUSE, {
    default: POLICY.retryDelayBaseMs,
    reason: SERVICE_GUIDANCE,
    help: 'first step of the exponential backoff',
  }),
  retryDelayMax: unflagged('registration.retryDelayMax', PAUSE, {
    default: POLICY.retryDelayMaxMs,
    reason: SERVICE_GUIDANCE,
    help: 'longest step of the exponential backoff',
  }),
  conflictDelayMin: unflagged('registration.conflictDelayMin', PAUSE, {
    default: POLICY.conflictDelayMinMs,
    reason: CONFLICT,
    help: 'shortest pause after a 409',
  }),
  conflictDelayMax: unflagged('registration.conflictDelayMax', PAUSE, {
    default: POLICY.conflictDelayMaxMs,
    reason: CONFLICT,
    help: 'longest pause after a 409',
  }),
  retryInvalidCertificate: unflagged('registration.retryInvalidCertificate', YES_NO, {
    default: POLICY.retriesInvalidCertificate,
    reason: 'an invalid certificate stays invalid',
    help: 'connect once more when the service calls the certificate invalid (401002): it has been seen to reject valid ones now and then',
  }),
});
