import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  parseRequestTopic,
  parseResponseTopic,
  pollTopic,
  registerTopic,
  responseTopic,
} from '../../src/dps/topics.ts';
import { requestIds } from '../support/arbitraries.ts';

const statuses = fc.integer({ min: 100, max: 599 });
const retryAfters = fc.integer({ min: 0, max: 999_999_999 });

describe('answers', () => {
  it('go there and back', () => {
    const answers = fc.record({
      status: statuses,
      requestId: requestIds,
      retryAfterSeconds: fc.option(retryAfters),
    });
    fc.assert(
      fc.property(answers, (answer) => {
        expect(parseResponseTopic(responseTopic(answer))).toEqual(answer);
      }),
    );
  });

  it('are read in both orders of $rid and retry-after, and with its name in any case', () => {
    fc.assert(
      fc.property(
        statuses,
        requestIds,
        retryAfters,
        fc.mixedCase(fc.constant('retry-after')),
        (status, id, seconds, name) => {
          const expected = { status, requestId: id, retryAfterSeconds: seconds };
          expect(parseResponseTopic(`$dps/registrations/res/${status}/?$rid=${id}&${name}=${seconds}`)).toEqual(
            expected,
          );
          expect(parseResponseTopic(`$dps/registrations/res/${status}/?${name}=${seconds}&$rid=${id}`)).toEqual(
            expected,
          );
        },
      ),
    );
  });

  it.each([
    ['$dps/registrations/res/202/?$rid=1&retry-after=3', { status: 202, requestId: '1', retryAfterSeconds: 3 }],
    ['$dps/registrations/res/202/?retry-after=120&$rid=1', { status: 202, requestId: '1', retryAfterSeconds: 120 }],
    ['$dps/registrations/res/200/?$rid=1', { status: 200, requestId: '1', retryAfterSeconds: null }],
    ['$dps/registrations/res/429/?$rid=1&retry-after=0', { status: 429, requestId: '1', retryAfterSeconds: 0 }],
    ['$dps/registrations/res/429/?$rid=1&retry-after=', { status: 429, requestId: '1', retryAfterSeconds: null }],
    ['$dps/registrations/res/429/?$rid=1&retry-after=-1', { status: 429, requestId: '1', retryAfterSeconds: null }],
    ['$dps/registrations/res/429/?$rid=1&retry-after=1.5', { status: 429, requestId: '1', retryAfterSeconds: null }],
    ['$dps/registrations/res/429/?$rid=1&retry-after=soon', { status: 429, requestId: '1', retryAfterSeconds: null }],
    ['$dps/registrations/res/200/?other=7&$rid=1&', { status: 200, requestId: '1', retryAfterSeconds: null }],
    ['$dps/registrations/res/200/?retry-after=3', null],
    ['$dps/registrations/res/200/?$rid=', null],
    ['$dps/registrations/res/200/$rid=1', null],
    ['$dps/registrations/res/ok/?$rid=1', null],
    ['$dps/registrations/res/', null],
    ['$dps/twin/res/200/?$rid=1', null],
    ['', null],
  ])('%s', (topic, expected) => {
    expect(parseResponseTopic(topic)).toEqual(expected);
  });
});

describe('requests', () => {
  it('go there and back', () => {
    const operationIds = fc.stringMatching(/^[0-9]\.[0-9a-f]{16}\.[0-9a-f-]{36}$/);
    fc.assert(
      fc.property(requestIds, operationIds, (requestId, operationId) => {
        expect(parseRequestTopic(registerTopic(requestId))).toEqual({ kind: 'register', requestId });
        expect(parseRequestTopic(pollTopic(requestId, operationId))).toEqual({ kind: 'poll', requestId, operationId });
      }),
    );
  });

  it.each([
    ['$dps/registrations/PUT/iotdps-register/?$rid=1', { kind: 'register', requestId: '1' }],
    [
      '$dps/registrations/GET/iotdps-get-operationstatus/?operationId=5.a&$rid=2',
      { kind: 'poll', requestId: '2', operationId: '5.a' },
    ],
    ['$dps/registrations/PUT/iotdps-register/', null],
    ['$dps/registrations/PUT/iotdps-register/?rid=1', null],
    ['$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2', null],
    ['$dps/registrations/DELETE/?$rid=2', null],
  ])('%s', (topic, expected) => {
    expect(parseRequestTopic(topic)).toEqual(expected);
  });
});

it('any text is a topic or is none, and never throws', () => {
  const texts = fc.oneof(
    fc.string(),
    fc.string().map((tail) => `$dps/registrations/res/200/?${tail}`),
    fc.string().map((tail) => `$dps/registrations/PUT/iotdps-register/?${tail}`),
  );
  fc.assert(
    fc.property(texts, (text) => {
      expect(parseResponseTopic(text)?.requestId).not.toBe('');
      expect(parseRequestTopic(text)?.requestId).not.toBe('');
    }),
  );
});
