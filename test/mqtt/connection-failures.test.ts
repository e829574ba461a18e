import { describe, expect, it } from 'vitest';
import { CONNECTION_FAILURE_CODES } from '../../src/conversation/connection-failure.ts';
import { connackFailure, socketFailure } from '../../src/mqtt/connection-failures.ts';
import { remedyFor } from '../../src/report/remedies.ts';

function errnoException(code: string, syscall?: string): NodeJS.ErrnoException {
  return Object.assign(new Error('text of the system'), { code }, syscall === undefined ? {} : { syscall });
}

describe('socketFailure', () => {
  it.each([
    ['ENOTFOUND', 'getaddrinfo', 'dns'],
    ['EAI_AGAIN', 'getaddrinfo', 'dns'],
    ['EAI_FAIL', 'getaddrinfo', 'dns'],
    ['EMFILE', 'getaddrinfo', 'tcp-failed'],
    ['ECONNREFUSED', 'connect', 'tcp-refused'],
    ['ETIMEDOUT', 'connect', 'tcp-timeout'],
    ['ECONNRESET', 'read', 'tcp-reset'],
    ['EPIPE', 'write', 'tcp-reset'],
    ['EADDRNOTAVAIL', 'connect', 'tcp-failed'],
    ['ENETUNREACH', 'connect', 'tcp-failed'],
    ['ESOMETHING', 'connect', 'tcp-failed'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', undefined, 'tls-host-name'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', undefined, 'tls-unknown-ca'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', undefined, 'tls-unknown-ca'],
    ['CERT_NOT_YET_VALID', undefined, 'tls-expired'],
    ['CERT_REVOKED', undefined, 'tls-failed'],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', undefined, 'tls-failed'],
  ])('%s of %s is %s', (code, syscall, expected) => {
    const failure = socketFailure(errnoException(code, syscall), 'host:8883');
    expect(failure.code).toBe(expected);
    expect(failure.message).toMatch(/^host:8883: .+/);
    expect(failure.message).toContain(`(${code})`);
  });
});

it.each(['ENOTFOUND', 'EAI_AGAIN'])('leaves the advice for %s to the remedy beside it', (name) => {
  const { code, message } = socketFailure(errnoException(name, 'getaddrinfo'), 'host:8883');
  expect([message, remedyFor(code)]).toEqual([
    expect.not.stringMatching(/check/i),
    expect.stringMatching(/spelling.*DNS/),
  ]);
});

it('reports only the reason of an OpenSSL error that is not listed', () => {
  const error = Object.assign(new Error('80CC:error:0A000410:SSL routines:ssl3_read_bytes:x:rec_layer_s3.c:1601:\n'), {
    code: 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE',
    reason: 'sslv3 alert handshake failure',
  });
  expect(socketFailure(error, 'host:8883')).toEqual({
    code: 'tls-failed',
    message: 'host:8883: sslv3 alert handshake failure (ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE)',
  });
});

describe('connackFailure', () => {
  it('gives every return code of the protocol its own code', () => {
    const codes = [1, 2, 3, 4, 5].map((returnCode) => connackFailure(returnCode).code);
    expect(codes).toEqual(CONNECTION_FAILURE_CODES.filter((code) => code.startsWith('connack-')));
  });

  it('names the wrong ID scope as the likely cause of 3', () => {
    expect(connackFailure(3).message).toContain('ID scope');
  });

  it.each([1, 2, 3, 4, 5])('leaves the advice for %i to its remedy, beside which it stands', (returnCode) => {
    const { code, message } = connackFailure(returnCode);
    expect([message, remedyFor(code)]).toEqual([expect.not.stringMatching(/check/i), expect.stringMatching(/^Check/)]);
  });

  it.each([null, 6, 255])('takes return code %s for something other than MQTT', (returnCode) => {
    expect(connackFailure(returnCode).code).toBe('protocol-error');
  });
});
