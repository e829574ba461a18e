import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type RedisSources, redisTarget } from '../../../src/agents/redis/redis-connection.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const folder = temporaryFolder();

const NONE: RedisSources = { flag: null, file: null, variable: null };

function fileWith(name: string, text: string, mode: number): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

describe('where Redis is', () => {
  it.each([
    ['redis://r.example', { host: 'r.example', port: 6_379, db: 0 }],
    ['redis://r.example:6380/2', { host: 'r.example', port: 6_380, db: 2 }],
    ['redis://[::1]:7000', { host: '::1', port: 7_000, db: 0 }],
    [
      'rediss://user:p%40ss@r.example',
      { host: 'r.example', port: 6_379, db: 0, username: 'user', password: 'p@ss', tls: { servername: 'r.example' } },
    ],
  ])('reads %s', async (variable, options) => {
    expect((await redisTarget({ ...NONE, variable })).options).toEqual(options);
  });

  it('prefers the flag to the file, and the file to the variable', async () => {
    const file = fileWith('plain', 'redis://from-file\n', 0o644);
    const variable = 'redis://from-variable';
    expect((await redisTarget({ ...NONE, file, variable })).label).toBe('from-file:6379');
    expect((await redisTarget({ ...NONE, flag: 'redis://from-flag', variable })).label).toBe('from-flag:6379');
  });

  it.each([
    ['nothing at all', NONE, /no Redis given/],
    ['flag and file', { ...NONE, flag: 'redis://a', file: 'b' }, /both --redis and --redis-file/],
    ['a password as a flag', { ...NONE, flag: 'redis://:hidden-word@a' }, /--redis contains a user or password/],
    ['a user as a flag', { ...NONE, flag: 'redis://hidden-word@a' }, /--redis contains a user or password/],
    ['another protocol', { ...NONE, variable: 'http://:hidden-word@a' }, /DPSLOAD_REDIS is not the URL/],
    ['no URL', { ...NONE, variable: 'hidden-word' }, /DPSLOAD_REDIS is not the URL/],
    ['a database by name', { ...NONE, variable: 'redis://:hidden-word@a/x' }, /names no database/],
    ['a file that is not there', { ...NONE, file: join(folder, 'absent') }, /absent/],
  ])('refuses %s, and quotes no secret', async (_, sources, message) => {
    const error = await redisTarget(sources).catch((reason: Error) => reason);
    expect(String(error)).toMatch(message);
    expect(String(error)).not.toContain('hidden-word');
  });

  it('refuses a file with a password that others may read', async () => {
    const open = fileWith('open', 'redis://:hidden-word@a', 0o644);
    await expect(redisTarget({ ...NONE, file: open })).rejects.toThrow(/others may read it/);
    const own = fileWith('own', 'redis://:hidden-word@a', 0o600);
    expect((await redisTarget({ ...NONE, file: own })).label).toBe('a:6379');
  });
});
