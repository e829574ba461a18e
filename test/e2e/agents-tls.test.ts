import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dpsload } from '../support/dpsload-program.ts';
import { freePort } from '../support/free-port.ts';
import { HAS_REDIS, type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { createTestCa } from '../support/test-certificates.ts';

describe.skipIf(!HAS_REDIS)('Redis over TLS, with a private CA (needs redis-server)', () => {
  const folder = temporaryFolder();
  let redis: RedisServer;
  let port: number;
  let caFile: string;

  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const agents = (host: string, env: Readonly<Record<string, string>>) =>
    dpsload(['agents'], { env: { DPSLOAD_REDIS: `rediss://${host}:${port}`, ...env } });

  beforeAll(async () => {
    const ca = await createTestCa();
    const { certPem, keyPem } = await ca.issue();
    caFile = write('ca.pem', ca.certPem);
    port = await freePort();
    const files = ['--tls-cert-file', write('redis.pem', certPem), '--tls-key-file', write('redis.key', keyPem)];
    const addresses = ['--bind', '127.0.0.1', '127.0.0.2'];
    redis = await startRedisServer([...addresses, '--tls-port', String(port), ...files, '--tls-auth-clients', 'no']);
  });
  afterAll(() => redis.stop());

  it.each(['localhost', '127.0.0.1'])('is used by the name %s when the CA is given', async (host) => {
    const ended = await agents(host, { NODE_EXTRA_CA_CERTS: caFile });
    expect(ended).toEqual({ code: 0, stdout: '', stderr: 'No agents found\n' });
  });

  it('is refused without the CA, with the way to give it', async () => {
    const { code, stderr } = await agents('localhost', {});
    expect(code).toBe(4);
    expect(stderr).toContain('set NODE_EXTRA_CA_CERTS to the file with the certificate of that CA');
  });

  it('is refused under a name that its certificate does not have', async () => {
    const { code, stderr } = await agents('127.0.0.2', { NODE_EXTRA_CA_CERTS: caFile });
    expect(code).toBe(4);
    expect(stderr).toContain('Use a name in the URL that is in the certificate of Redis');
  });
});
