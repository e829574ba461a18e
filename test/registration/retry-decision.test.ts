import { describe, expect, it } from 'vitest';
import { CONNECTION_FAILURE_CODES } from '../../src/conversation/connection-failure.ts';
import { parseAnswerBody } from '../../src/dps/payloads.ts';
import { answerMeaning, answerVerdict, connectionVerdict } from '../../src/registration/retry-decision.ts';

const BODIES = {
  assigned: '{"status":"assigned","registrationState":{"assignedHub":"hub-a"}}',
  'assigned to nothing': '{"status":"assigned","registrationState":{"assignedHub":""}}',
  assigning: '{"operationId":"5.a","status":"assigning"}',
  'assigning without operation': '{"status":"assigning"}',
  'assigning, operation not of this world': '{"operationId":"5/#","status":"assigning"}',
  unassigned: '{"operationId":"5.a","status":"unassigned"}',
  failed: '{"status":"failed","registrationState":{"errorCode":400207}}',
  disabled: '{"status":"disabled"}',
  'an unknown status': '{"status":"blacklisted"}',
  'no status': '{}',
  'operation not found': '{"errorCode":404203}',
  'enrollment not found': '{"errorCode":404201}',
  garbage: '<html>',
} as const;

describe('register answers', () => {
  it.each([
    [202, 'assigning', 'pending'],
    [200, 'assigning', 'pending'],
    [202, 'unassigned', 'pending'],
    [200, 'assigned', 'assigned'],
    [202, 'assigned', 'assigned'],
    [200, 'failed', 'failed'],
    [200, 'disabled', 'disabled'],
    [202, 'assigning without operation', 'malformed'],
    [202, 'assigning, operation not of this world', 'malformed'],
    [200, 'assigned to nothing', 'malformed'],
    [200, 'an unknown status', 'malformed'],
    [200, 'no status', 'malformed'],
    [200, 'garbage', 'malformed'],
    [202, 'garbage', 'malformed'],
    [0, 'assigned', 'malformed'],
    [100, 'assigned', 'malformed'],
    [302, 'assigned', 'malformed'],
    [600, 'assigned', 'malformed'],
    [400, 'no status', 'rejected'],
    [401, 'no status', 'unauthorized'],
    [401, 'garbage', 'unauthorized'],
    [403, 'no status', 'rejected'],
    [404, 'enrollment not found', 'rejected'],
    [404, 'operation not found', 'rejected'],
    [404, 'garbage', 'rejected'],
    [409, 'garbage', 'conflict'],
    [429, 'garbage', 'throttled'],
    [500, 'garbage', 'serverError'],
    [503, 'assigned', 'serverError'],
    [599, 'no status', 'serverError'],
  ] as const)('%i, %s: %s', (status, body, meaning) => {
    const answer = { asked: 'register', status, body: parseAnswerBody(BODIES[body]), operationId: null } as const;
    expect(answerMeaning(answer)).toBe(meaning);
  });
});

describe('poll answers', () => {
  it.each([
    [202, 'assigning without operation', 'pending'],
    [202, 'assigning, operation not of this world', 'pending'],
    [200, 'assigned', 'assigned'],
    [200, 'failed', 'failed'],
    [404, 'operation not found', 'operationGone'],
    [404, 'enrollment not found', 'rejected'],
    [404, 'garbage', 'rejected'],
    [400, 'operation not found', 'rejected'],
    [401, 'no status', 'unauthorized'],
    [409, 'no status', 'conflict'],
    [429, 'no status', 'throttled'],
    [500, 'no status', 'serverError'],
  ] as const)('%i, %s: %s', (status, body, meaning) => {
    const answer = { asked: 'poll', status, body: parseAnswerBody(BODIES[body]), operationId: '5.a' } as const;
    expect(answerMeaning(answer)).toBe(meaning);
  });
});

describe('what an answer ends as', () => {
  const error = (code: number | undefined, trackingId = 'T') =>
    JSON.stringify({ errorCode: code, message: 'M', trackingId });

  it.each([
    [
      'unauthorized',
      401,
      error(401000),
      { result: 'refused', errorCode: '401000', errorMessage: 'M', trackingId: 'T' },
    ],
    ['unauthorized', 401, '', { result: 'refused', errorCode: '401', errorMessage: null, trackingId: null }],
    ['rejected', 404, error(404201), { result: 'failed', errorCode: '404201', errorMessage: 'M', trackingId: 'T' }],
    [
      'throttled',
      429,
      error(429001, ''),
      { result: 'throttled', errorCode: '429001', errorMessage: 'M', trackingId: null },
    ],
    ['serverError', 503, 'x', { result: 'failed', errorCode: '503', errorMessage: null, trackingId: null }],
    ['failed', 200, BODIES.failed, { result: 'failed', errorCode: '400207', errorMessage: null, trackingId: null }],
    ['failed', 200, '{"status":"failed"}', { result: 'failed', errorCode: 'status-failed' }],
    ['disabled', 200, BODIES.disabled, { result: 'disabled', errorCode: 'status-disabled' }],
    ['malformed', 202, '{', { result: 'failed', errorCode: 'malformed-answer' }],
  ] as const)('%s %i %s', (meaning, status, body, verdict) => {
    expect(answerVerdict(meaning, status, parseAnswerBody(body))).toMatchObject(verdict);
  });
});

it('of the connection failures, those that would repeat are refusals', () => {
  const refusals = CONNECTION_FAILURE_CODES.filter(
    (code) => connectionVerdict({ code, message: 'M' }).result === 'refused',
  );
  expect(refusals).toEqual([
    'tls-host-name',
    'tls-unknown-ca',
    'tls-expired',
    'client-certificate',
    'connack-1',
    'connack-2',
    'connack-4',
    'connack-5',
    'suback-refused',
  ]);
  expect(connectionVerdict({ code: 'connack-3', message: 'M' })).toEqual({
    result: 'disconnected',
    errorCode: 'connack-3',
    errorMessage: 'M',
    trackingId: null,
  });
});
