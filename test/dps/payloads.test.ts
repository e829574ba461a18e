import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAnswerBody, registerBody } from '../../src/dps/payloads.ts';
import { registrationIds } from '../support/arbitraries.ts';

const NOTHING = {
  operationId: null,
  status: null,
  assignedHub: null,
  deviceId: null,
  substatus: null,
  createdDateTimeUtc: null,
  lastUpdatedDateTimeUtc: null,
  errorCode: null,
  errorMessage: null,
  trackingId: null,
  payloadJson: null,
};

describe('the register body', () => {
  it('is JSON that holds the ID and the custom data', () => {
    fc.assert(
      fc.property(registrationIds, fc.option(fc.jsonValue()), (registrationId, payload) => {
        const body: unknown = JSON.parse(
          registerBody(registrationId, payload === null ? null : JSON.stringify(payload)),
        );
        const expected = payload === null ? { registrationId } : { registrationId, payload };
        expect(body).toEqual(JSON.parse(JSON.stringify(expected)));
      }),
    );
  });

  it('is the documented example', () => {
    expect(registerBody('dev-0001', '{"model":"T1"}')).toBe('{"registrationId":"dev-0001","payload":{"model":"T1"}}');
    expect(registerBody('dev-0001', null)).toBe('{"registrationId":"dev-0001"}');
  });
});

describe('answers as they were captured', () => {
  it.each([
    [
      'accepted',
      '{"operationId":"5.316aac5bdc130deb.b1e02da8-c3a0-4ff2-a121-7ea7a6b7f550","status":"assigning"}',
      { operationId: '5.316aac5bdc130deb.b1e02da8-c3a0-4ff2-a121-7ea7a6b7f550', status: 'assigning' },
    ],
    [
      'assigned',
      `{"operationId":"5.316aac5bdc130deb.b1e02da8-c3a0-4ff2-a121-7ea7a6b7f550",
        "status":"assigned",
        "registrationState":{
          "registrationId":"dev-0001",
          "createdDateTimeUtc":"2022-08-31T22:02:50.5163352Z",
          "assignedHub":"MyExampleHub.azure-devices.net",
          "deviceId":"dev-0001",
          "status":"assigned",
          "substatus":"initialAssignment",
          "lastUpdatedDateTimeUtc":"2022-08-31T22:02:50.7370676Z",
          "etag":"IjY5MDAzNTUyLTAwMDAtMDMwMC0wMDAwLTYzMGZkYThhMDAwMCI="}}`,
      {
        operationId: '5.316aac5bdc130deb.b1e02da8-c3a0-4ff2-a121-7ea7a6b7f550',
        status: 'assigned',
        assignedHub: 'MyExampleHub.azure-devices.net',
        deviceId: 'dev-0001',
        substatus: 'initialAssignment',
        createdDateTimeUtc: '2022-08-31T22:02:50.5163352Z',
        lastUpdatedDateTimeUtc: '2022-08-31T22:02:50.7370676Z',
      },
    ],
    [
      'unauthorized',
      '{"errorCode":401000,"trackingId":"2cb8f317-10f5-44f4-a5a6-380a998146e9","message":"Unauthorized","timestampUtc":"2019-11-19T21:39:05.1573304Z"}',
      { errorCode: 401000, trackingId: '2cb8f317-10f5-44f4-a5a6-380a998146e9', errorMessage: 'Unauthorized' },
    ],
    [
      'failed',
      '{"operationId":"4.d0","status":"failed","registrationState":{"registrationId":"d","status":"failed","errorCode":400207,"errorMessage":"Custom allocation failed with status code: 400"}}',
      {
        operationId: '4.d0',
        status: 'failed',
        errorCode: 400207,
        errorMessage: 'Custom allocation failed with status code: 400',
      },
    ],
    [
      'with returned data',
      '{"operationId":"5.a","status":"assigned","registrationState":{"assignedHub":"h","payload":{"a":[1,null]}}}',
      { operationId: '5.a', status: 'assigned', assignedHub: 'h', payloadJson: '{"a":[1,null]}' },
    ],
  ])('%s', (_name, text, expected) => {
    expect(parseAnswerBody(text)).toEqual({ ...NOTHING, ...expected });
  });
});

describe('anything else', () => {
  it.each(['', ' ', '[]', 'null', '1', '"assigned"', '{"status":', 'Unauthorized'])('%j is no answer', (text) => {
    expect(parseAnswerBody(text)).toBeNull();
  });

  it('has null for what is missing or of the wrong type', () => {
    const text =
      '{"operationId":5,"status":["assigned"],"errorCode":"401000","trackingId":{},"registrationState":[{}]}';
    expect(parseAnswerBody(text)).toEqual(NOTHING);
  });

  it('is no answer when it nests deeper than the stack, where the runtime needs it for that', () => {
    const depth = 40_000;
    const payload = '['.repeat(depth) + ']'.repeat(depth);
    const body = parseAnswerBody(`{"status":"assigned","registrationState":{"payload":${payload}}}`);
    // Up to Node 24 JSON.stringify ends at the stack's depth; later ones write it whole.
    const isWritten = Number.parseInt(process.versions.node, 10) > 24;
    expect(body).toEqual(isWritten ? { ...NOTHING, status: 'assigned', payloadJson: payload } : null);
  });

  it('is an answer only as a JSON object, of which it takes what has the right type', () => {
    const values = fc.dictionary(fc.constantFrom('operationId', 'status', 'registrationState', 'x'), fc.jsonValue());
    fc.assert(
      fc.property(fc.oneof(values, fc.jsonValue()), (value) => {
        const text = JSON.stringify(value);
        const { operationId = null, status = null } = JSON.parse(text) ?? {};
        const taken = [operationId, status].map((field) => (typeof field === 'string' ? field : null));
        const body = parseAnswerBody(text);
        expect(body && [body.operationId, body.status]).toEqual(text.startsWith('{') ? taken : null);
      }),
    );
  });
});
