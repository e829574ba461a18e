import { describe, expect, it } from 'vitest';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { NO_QUOTAS } from '../../src/emulator/service/quotas.ts';
import { connectedDevice } from '../support/connected-device.ts';
import { emulatedInstance, GROUP_KEY } from '../support/emulated-instance.ts';
import { faultRule } from '../support/fault-rules.ts';
import { type Answered, ServiceApiCaller } from '../support/service-api-caller.ts';

const body = (registrationId: string, members: object = {}) => ({
  registrationId,
  attestation: { type: 'symmetricKey', symmetricKey: { primaryKey: deriveDeviceKey(GROUP_KEY, registrationId) } },
  ...members,
});

const empty = () => new ServiceApiCaller({ instances: [emulatedInstance({ individualEnrollments: [] })] });

describe('a path', () => {
  it.each([
    ['GET', '/', 404],
    ['GET', '/devices/a', 404],
    ['GET', '/enrollments/a/keys', 404],
    ['POST', '/enrollments/a/query', 404],
    ['POST', '/enrollments/a/attestationmechanism/b', 404],
    ['POST', '/registrations/a/attestationmechanism', 404],
    ['POST', '/enrollments//attestationmechanism', 404],
    ['GET', '/enrollments/a%zz', 400],
    ['GET', '/enrollments', 405],
    ['DELETE', '/enrollmentGroups/', 405],
    ['GET', '/registrations', 405],
    ['PATCH', '/enrollments/a', 405],
    ['constructor', '/enrollments/a', 405],
    ['POST', '/registrations/query', 405],
    ['GET', '/enrollments/query/attestationmechanism', 405],
    ['POST', '/enrollmentgroups/Default/AttestationMechanism/', 200],
    ['POST', '/REGISTRATIONS/default/query', 200],
  ])('%s %s is answered with its status', (method, path, status) => {
    expect(empty().call(method, path, {}).status).toBe(status);
  });

  it('tells which methods there are', () => {
    expect(empty().call('POST', '/enrollments/a').headers).toMatchObject({ allow: 'GET, PUT, DELETE' });
  });

  it.each([
    ['', 400],
    ['?api-version=', 400],
    ['?api-version=2021', 400],
    ['?api-version=2018-04-01', 200],
    ['?api-version=2026-11-15-preview', 200],
    ['?api-version=2031-01-01&x=y', 200],
  ])('needs an api-version, of which any will do: %s', (query, status) => {
    const { answer } = empty().outcome('GET', `/enrollmentGroups/default${query === '' ? '?api-version' : query}`);
    expect(answer.status).toBe(status);
  });

  it.each([
    ['application/json', 200],
    ['Application/JSON; Charset=UTF-8', 200],
    ['application/json;charset="utf-8"', 200],
    [undefined, 200],
    ['application/x-www-form-urlencoded', 415],
    ['application/json; charset=utf-16', 415],
    ['text/json', 415],
  ])('takes a body of type %s with %i', (type, status) => {
    expect(empty().call('PUT', '/enrollments/a', body('a'), { 'content-type': type }).status).toBe(status);
  });

  it.each([
    '',
    '[]',
    'null',
    '{',
    '"text"',
    `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
  ])('cannot read a body such as %.20s', (text) => {
    expect(empty().call('PUT', '/enrollments/a', text)).toMatchObject({ status: 400, body: { errorCode: 400_012 } });
  });
});

describe('a query', () => {
  /** Every page, by what it has. */
  function pages(caller: ServiceApiCaller, path: string, itemsMax: string, between: (page: number) => void = () => {}) {
    const all: Answered[] = [];
    let continuation: string | undefined;
    do {
      const headers = { 'x-ms-max-item-count': itemsMax, 'x-ms-continuation': continuation };
      const page = caller.call('POST', path, { query: 'SELECT *' }, headers);
      between(all.push(page));
      const next = page.headers['x-ms-continuation'];
      continuation = typeof next === 'string' ? next : undefined;
    } while (continuation !== undefined);
    return all;
  }
  const idsIn = (all: readonly Answered[]) =>
    all.map((page) => page.body.map(({ registrationId }: { registrationId: string }) => registrationId).join(' '));

  it('goes page by page, each after the one before although enrollments come and go', () => {
    const caller = empty();
    for (const id of ['a', 'b', 'c', 'd', 'e']) caller.call('PUT', `/enrollments/${id}`, body(id));
    const all = pages(caller, '/enrollments/query', '2', (page) => {
      if (page === 1) caller.call('DELETE', '/enrollments/a');
      if (page === 1) caller.call('DELETE', '/enrollments/b');
      if (page === 2) caller.call('PUT', '/enrollments/f', body('f'));
    });
    expect(idsIn(all)).toEqual(['a b', 'c d', 'e f']);
    expect(all[0]?.headers).toMatchObject({ 'x-ms-item-type': 'Enrollment', 'x-ms-max-item-count': '2' });
    expect(all.at(-1)?.headers).not.toHaveProperty('x-ms-continuation');
    expect(JSON.stringify(all)).not.toContain(deriveDeviceKey(GROUP_KEY, 'c'));
  });

  it.each([
    ['records are deleted', 1_000, 'd'],
    ['many began in the same millisecond', 0, 'nothing'],
  ])('pages through the registrations of a group, although %s', (_, apartMs, deleted) => {
    const caller = empty();
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      caller.service.register(connectedDevice(caller.service, id, caller.nowMs), '', caller.nowMs);
      caller.nowMs += apartMs;
    }
    caller.nowMs += 1_000;
    const all = pages(caller, '/registrations/Default/query', '2', (page) => {
      if (page === 2) caller.call('DELETE', `/registrations/${deleted}`);
    });
    expect(idsIn(all)).toEqual(['a b', 'c d', 'e']);
    expect(all[0]?.headers['x-ms-item-type']).toBe('DeviceRegistration');
    expect(all[0]?.body[0]).toMatchObject({ status: 'assigned', etag: expect.any(String) });
    expect(idsIn(pages(caller, '/registrations/unknown/query', '2'))).toEqual(['']);
  });

  it('has pages of 100, and of at most so many', () => {
    const caller = empty();
    for (let n = 0; n < 120; n++) caller.call('PUT', `/enrollments/n-${n}`, body(`n-${n}`));
    expect(caller.call('POST', '/enrollments/query', { query: '*' }).body).toHaveLength(100);
    expect(
      caller.call('POST', '/enrollments/query', { query: '*' }, { 'x-ms-max-item-count': '5000' }).body,
    ).toHaveLength(120);
    const small = new ServiceApiCaller({ instances: [emulatedInstance()], api: { pageItemsMax: 1 } });
    small.call('PUT', '/enrollments/b', body('b'));
    expect(small.call('POST', '/enrollments/query', { query: '*' }, { 'x-ms-max-item-count': '9' }).body).toHaveLength(
      1,
    );
  });

  it('is refused with a foreign continuation, a wrong count, or without its text', () => {
    const ask = (headers: object, text: object = { query: '*' }) =>
      empty().call('POST', '/enrollmentGroups/query', text, { ...headers });
    expect(ask({}).headers['x-ms-item-type']).toBe('EnrollmentGroup');
    for (const continuation of ['x', 'bnVsbA==', 'eyJ0b2tlbiI6MX0=', '']) {
      expect(ask({ 'x-ms-continuation': continuation })).toMatchObject({ status: 400, body: { errorCode: 400_000 } });
    }
    for (const count of ['0', '-1', '1.5', 'all']) expect(ask({ 'x-ms-max-item-count': count }).status).toBe(400);
    expect(ask({}, {}).status).toBe(400);
  });
});

describe('a bulk operation', () => {
  const bulk = (caller: ServiceApiCaller, mode: string, ...enrollments: readonly object[]) =>
    caller.call('POST', '/enrollments/', { mode, enrollments });

  it('carries out each entry by itself, and lists those that failed', () => {
    const caller = empty();
    expect(bulk(caller, 'create', body('a'), body('b')).body).toEqual({ isSuccessful: true, errors: [] });
    const answer = bulk(
      caller,
      'create',
      body('B'),
      body('c'),
      body('d', { iotHubs: ['x'] }),
      { registrationId: '' },
      [],
    );
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      isSuccessful: false,
      errors: [
        { registrationId: 'B', errorCode: 409_000, errorStatus: expect.stringContaining('exists') },
        { registrationId: 'd', errorCode: 400_004 },
        { registrationId: '', errorCode: 400_000 },
        { registrationId: '', errorCode: 400_000 },
      ],
    });
    expect(caller.call('POST', '/enrollments/query', { query: '*' }).body).toHaveLength(3);
  });

  it('updates, by etag if it is told so, and deletes', () => {
    const caller = empty();
    bulk(caller, 'create', body('a'), body('b'));
    const disabled = { provisioningStatus: 'disabled' };
    expect(bulk(caller, 'update', body('a', disabled), body('x')).body.errors).toMatchObject([
      { registrationId: 'x', errorCode: 412_000 },
    ]);
    const { etag } = caller.call('GET', '/enrollments/b').body;
    const byEtag = bulk(
      caller,
      'updateIfMatchEtag',
      body('a', { etag: 'stale' }),
      body('b', { ...disabled, etag }),
      body('a'),
    );
    expect(byEtag.body.errors.map(({ errorCode }: { errorCode: number }) => errorCode)).toEqual([412_000, 400_000]);
    expect(caller.call('GET', '/enrollments/b').body.provisioningStatus).toBe('disabled');
    expect(bulk(caller, 'DELETE', { registrationId: 'a' }, { registrationId: 'x' }).body.errors).toMatchObject([
      { errorCode: 404_202 },
    ]);
  });

  it('has at most ten entries, and one of four modes', () => {
    const caller = empty();
    const eleven = Array.from({ length: 11 }, (_, n) => body(`n-${n}`));
    expect(bulk(caller, 'create', ...eleven).status).toBe(400);
    expect(bulk(caller, 'create').status).toBe(400);
    expect(bulk(caller, 'upsert', body('a')).status).toBe(400);
    expect(caller.call('POST', '/enrollments', { mode: 'create' }).status).toBe(400);
    expect(caller.changes).toEqual([]);
    const group = { enrollmentGroupId: 'g', attestation: { type: 'symmetricKey' } };
    expect(
      caller.call('POST', '/enrollmentGroups', { mode: 'create', enrollmentGroups: [group, group] }).body,
    ).toMatchObject({
      isSuccessful: false,
      errors: [{ enrollmentGroupId: 'g', errorCode: 409_000 }],
    });
  });

  it('is as many operations as it is configured to be', () => {
    const quotas = { ...NO_QUOTAS, serviceOperations: { algorithm: 'fixed-window', limit: 3, perMs: 60_000 } as const };
    const statuses = (bulkCounts: 'request' | 'entries') => {
      const caller = new ServiceApiCaller({ instances: [emulatedInstance({ quotas })], api: { bulkCounts } });
      return [1, 2].map((n) => bulk(caller, 'create', body(`${n}a`), body(`${n}b`)).status);
    };
    expect(statuses('request')).toEqual([200, 200]);
    expect(statuses('entries')).toEqual([200, 429]);
  });
});

describe('the budget of operations', () => {
  it.each([
    ['exact', '60'],
    [5, '5'],
    [null, undefined],
  ] as const)('answers 429, with retry-after %s', (retryAfterSeconds, header) => {
    const serviceOperations = { algorithm: 'fixed-window', limit: 1, perMs: 60_000 } as const;
    const quotas = { ...NO_QUOTAS, serviceOperations, retryAfterSeconds };
    const caller = new ServiceApiCaller({ instances: [emulatedInstance({ quotas })] });
    const ask = (headers = {}) => caller.call('GET', '/enrollmentGroups/default', undefined, headers);
    expect(ask({ authorization: 'nobody' }).status).toBe(401);
    expect(ask().status).toBe(200);
    expect(ask()).toMatchObject({ status: 429, body: { errorCode: 429_001 } });
    expect(ask().headers['retry-after']).toBe(header);
    caller.nowMs += 60_000;
    expect(ask().status).toBe(200);
    expect(caller.service.counters.serviceApiAnswers).toEqual({ 200: 2, 401: 1, 429: 2 });
  });
});

describe('a fault', () => {
  const at = ['service-request'] as const;
  const outcomeUnder = (fault: Parameters<typeof faultRule>[0], settings = {}) => {
    const caller = new ServiceApiCaller({
      instances: [emulatedInstance({ individualEnrollments: [] })],
      faults: [faultRule(fault, { points: at, ...settings })],
    });
    const { answer, delivery, afterMs, closes } = caller.outcome('PUT', '/enrollments/dev-1', body('dev-1'));
    return {
      status: answer.status,
      headers: answer.headers,
      delivery,
      afterMs,
      closes,
      isDone: caller.changes.length > 0,
    };
  };
  const SENT = { delivery: 'answer', afterMs: 0, closes: false };

  it('answers with an error instead of carrying the request out, or afterwards', () => {
    const error = { errorCode: 503_000, retryAfterSeconds: 7 };
    expect(outcomeUnder({ kind: 'error-answer', ...error })).toMatchObject({
      ...SENT,
      status: 503,
      headers: { 'retry-after': '7' },
      isDone: false,
    });
    expect(outcomeUnder({ kind: 'error-after-processing', ...error })).toMatchObject({
      ...SENT,
      status: 503,
      isDone: true,
    });
  });

  it('delays or loses the answer, loses the request, or cuts the connection', () => {
    expect(outcomeUnder({ kind: 'delay-answer', delayMs: 900 })).toMatchObject({
      ...SENT,
      status: 200,
      afterMs: 900,
      isDone: true,
    });
    expect(outcomeUnder({ kind: 'lose-answer' })).toMatchObject({ delivery: 'silence', isDone: true });
    expect(outcomeUnder({ kind: 'lose-request' })).toMatchObject({ delivery: 'silence', isDone: false });
    expect(outcomeUnder({ kind: 'disconnect', when: 'before' })).toMatchObject({ delivery: 'cut', isDone: false });
    expect(outcomeUnder({ kind: 'disconnect', when: 'after-puback' })).toMatchObject({ delivery: 'cut', isDone: true });
    expect(outcomeUnder({ kind: 'disconnect', when: 'after' })).toMatchObject({
      delivery: 'answer',
      closes: true,
      isDone: true,
    });
  });

  it('strikes by the ID in the path', () => {
    const error = { kind: 'error-answer', errorCode: 500_000, retryAfterSeconds: null } as const;
    expect(outcomeUnder(error, { registrationIds: 'dev-*' }).status).toBe(500);
    expect(outcomeUnder(error, { registrationIds: 'line-*' }).status).toBe(200);
  });
});
