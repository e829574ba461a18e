import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connectUsername, parseConnectUsername } from '../../src/dps/connect-identity.ts';
import { symmetricKeyProblem } from '../../src/dps/device-key.ts';
import { idScopeProblem } from '../../src/dps/endpoint.ts';
import { isOperationId } from '../../src/dps/payloads.ts';
import { foldRegistrationId, registrationIdProblem } from '../../src/dps/registration-id.ts';
import { idScopes, registrationIds, symmetricKeys } from '../support/arbitraries.ts';

describe('the user name', () => {
  it('goes there and back, whatever the user agent', () => {
    const apiVersions = fc.constantFrom('2019-03-31', '2021-06-01', '2025-07-01-preview');
    fc.assert(
      fc.property(
        idScopes,
        registrationIds,
        apiVersions,
        fc.string({ unit: 'grapheme' }),
        (idScope, id, apiVersion, agent) => {
          const identity = { idScope, registrationId: id, apiVersion };
          expect(parseConnectUsername(connectUsername(identity, agent))).toEqual(identity);
        },
      ),
    );
  });

  it.each([
    ['0ne00111111/registrations/dev-1/api-version=2019-03-31', '2019-03-31'],
    ['0ne00111111/registrations/dev-1/api-version=2019-03-31&ClientVersion=x%2F1', '2019-03-31'],
    ['0ne00111111/registrations/dev-1/ClientVersion=1/2&api-version=2019-03-31', '2019-03-31'],
  ])('%s', (username, apiVersion) => {
    expect(parseConnectUsername(username)).toEqual({ idScope: '0ne00111111', registrationId: 'dev-1', apiVersion });
  });

  it.each([
    '',
    'dev-1',
    '0ne00111111/registrations/dev-1',
    '0ne00111111/registrations/dev-1/',
    '0ne00111111/registrations/dev-1/api-version=',
    '0ne00111111/registrations/dev-1/ClientVersion=1',
    '0ne00111111/devices/dev-1/api-version=2019-03-31',
    '/registrations/dev-1/api-version=2019-03-31',
    '0ne00111111/registrations//api-version=2019-03-31',
  ])('%j is none', (username) => {
    expect(parseConnectUsername(username)).toBeNull();
  });
});

describe('a registration ID', () => {
  it('is legal when it keeps the rule', () => {
    fc.assert(
      fc.property(registrationIds, (id) => {
        expect(registrationIdProblem(id)).toBeNull();
      }),
    );
  });

  it('is illegal with one character outside of the rule, wherever it stands', () => {
    const strangers = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 1 })
      .filter((character) => !/^[A-Za-z0-9._:-]$/.test(character));
    fc.assert(
      fc.property(registrationIds, strangers, fc.nat(), (id, stranger, place) => {
        const at = place % (id.length + 1);
        expect(registrationIdProblem(id.slice(0, at) + stranger + id.slice(at))).not.toBeNull();
      }),
    );
  });

  it.each([
    ['', /empty/],
    ['a'.repeat(129), /129 characters/],
    ['dev.', /end/],
    ['dev_', /end/],
    ['dev:', /end/],
    ['dev 1', /" "/],
    ['dev-1\n', /\\n/],
    ['dév', /"é"/],
  ])('%j', (id, problem) => {
    expect(registrationIdProblem(id)).toMatch(problem);
  });

  it('is the same in any case', () => {
    expect(foldRegistrationId('Dev-ABC')).toBe(foldRegistrationId('dev-abc'));
  });
});

describe('a symmetric key', () => {
  it('of 16 to 64 bytes is one', () => {
    fc.assert(
      fc.property(symmetricKeys, (key) => {
        expect(symmetricKeyProblem(key)).toBeNull();
      }),
    );
  });

  it('with a problem is never quoted', () => {
    const texts = fc.oneof(fc.base64String({ minLength: 4, maxLength: 20 }), fc.string({ minLength: 4 }));
    fc.assert(
      fc.property(texts, (text) => {
        const problem = symmetricKeyProblem(text);
        fc.pre(problem !== null && text.length > 8);
        expect(problem).not.toContain(text);
      }),
    );
  });

  it.each([
    ['', /empty/],
    ['AAAA', /3 bytes/],
    [Buffer.alloc(15).toString('base64'), /15 bytes/],
    [Buffer.alloc(65).toString('base64'), /65 bytes/],
    [`${Buffer.alloc(32).toString('base64')}\n`, /base64/],
    [Buffer.alloc(32).toString('base64').slice(0, -1), /base64/],
    ['-_-_'.repeat(8), /base64/],
  ])('%j is none', (key, problem) => {
    expect(symmetricKeyProblem(key)).toMatch(problem);
  });
});

describe('an ID scope', () => {
  it('in the form that the service gives is one', () => {
    fc.assert(
      fc.property(idScopes, (idScope) => {
        expect(idScopeProblem(idScope)).toBeNull();
      }),
    );
  });

  it.each([
    '',
    '0ne',
    '0ne0011111',
    '0ne001111111',
    'ne00111111',
    'my-dps.azure-devices-provisioning.net',
  ])('%j is none', (idScope) => {
    expect(idScopeProblem(idScope)).toMatch(/ID scope/);
  });
});

describe('an operation ID', () => {
  it.each([
    ['5.316aac5bdc130deb.b1e02da8-c3a0-4ff2-a121-7ea7a6b7f550', true],
    ['a'.repeat(512), true],
    ['a'.repeat(513), false],
    ['', false],
    [null, false],
    ['5.a&$rid=1', false],
    ['5/#', false],
    ['5+', false],
    ['5 a', false],
    ['5\0', false],
  ])('%j', (text, legal) => {
    expect(isOperationId(text)).toBe(legal);
  });
});
