import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EmulatorProgram, type Started, startDpsload, startEmulatorProgram } from '../support/dpsload-program.ts';
import { derivedKey, keySecret, leaks, leaksInFolder, pemSecret, textSecret } from '../support/planted-secrets.ts';
import { HAS_REDIS, type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { onlyRunFolder, readResultRows } from '../support/results.ts';
import { targetArgs } from '../support/target-args.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { createTestCa } from '../support/test-certificates.ts';

const key = (text: string): string => Buffer.from(text.padEnd(40, '+')).toString('base64');
const GROUP_KEY = key('the-key-of-the-enrollment-group>>>');
const SECONDARY_KEY = key('the-secondary-key-in-a-file???');
const WRONG_KEY = key('a-key-that-is-only-half-right');
const PASSWORD = 'a-password-of-redis-that-nobody-may-see';
const UNRELATED = 'a-token-of-some-other-program';
const PAYLOAD = 'what-travels-and-may-be-seen';
const IDS = ['dev-1', 'dev-2', 'dev-3', 'dev-4'];
/** A device that only its own row knows the key of. */
const OWN = { id: 'own-1', key: derivedKey(GROUP_KEY, 'own-1') };

const root = temporaryFolder();
const [given, left] = [join(root, 'given'), join(root, 'left')];
for (const folder of [given, left]) mkdirSync(folder);

function plant(name: string, text: string): string {
  writeFileSync(join(given, name), text);
  return join(given, name);
}

describe.skipIf(!HAS_REDIS)('secrets of a run on agents (needs redis-server)', () => {
  const secrets = [
    keySecret('the group key', GROUP_KEY),
    keySecret('the secondary key', SECONDARY_KEY),
    keySecret('a wrong key', WRONG_KEY),
    ...[...IDS, OWN.id].map((id) => keySecret(`the key of ${id}`, derivedKey(GROUP_KEY, id))),
    textSecret('the password of Redis', PASSWORD),
    textSecret('the environment', UNRELATED),
  ];
  const keyed = plant(
    'keyed.csv',
    `registration_id,device_key,payload\n${[...IDS, OWN.id].map((id) => `${id},${derivedKey(GROUP_KEY, id)},"{""say"":""${PAYLOAD}""}"`).join('\n')}\n`,
  );
  const mixed = plant(
    'mixed.csv',
    `registration_id,device_key,region\n${IDS.map((id) => `${id},,europe`).join('\n')}\n${OWN.id},${OWN.key},europe\n`,
  );
  const copy = join(given, 'copy-of-keyed.csv');
  copyFileSync(keyed, copy);
  const secondary = plant('secondary.key', SECONDARY_KEY);
  let emulator: EmulatorProgram;
  let redis: RedisServer;
  let admin: Redis;
  let roots: string;
  /** All that Redis was told, as it goes into a log, and into a dump. */
  let heard = '';
  let said: Buffer[] = [];
  const agents: Started[] = [];

  const env = (more: Readonly<Record<string, string>> = {}) => ({
    DPSLOAD_REDIS: `redis://:${PASSWORD}@127.0.0.1:${redis.port}`,
    UNRELATED_TOKEN: UNRELATED,
    ...more,
  });

  /** Starts a program, and looks at its arguments as everyone on the machine can. */
  function start(args: readonly string[], environment: Readonly<Record<string, string>>): Started {
    const started = startDpsload(args, { env: environment, cwd: left });
    said.push(readFileSync(`/proc/${started.child.pid}/cmdline`));
    void started.ended.then(({ stdout, stderr }) => said.push(Buffer.from(stdout + stderr)));
    return started;
  }

  async function startAgent(args: readonly string[], more: Readonly<Record<string, string>>): Promise<Started> {
    const agent = start(['agent', '--slots', '1', ...args], env(more));
    agents.push(agent);
    await agent.until(({ stdout }) => stdout.includes('\n'));
    return agent;
  }

  async function run(fleet: string, more: Readonly<Record<string, string>>, ...args: readonly string[]) {
    const out = mkdtempSync(join(left, 'out-'));
    const target = targetArgs({ ...emulator, caFile: roots });
    const options = ['--out', out, '--agents', '1', '--agents-within', '20s', '-c', '4', ...args];
    const { code, stderr } = await start(['run', fleet, ...target, ...options], env(more)).ended;
    return { code, stderr, results: code === 0 ? readResultRows(join(onlyRunFolder(out), 'registrations.csv')) : [] };
  }

  const endAgents = async (): Promise<void> => {
    for (const { child } of agents) child.kill('SIGTERM');
    await Promise.all(agents.splice(0).map(({ ended }) => ended));
  };

  beforeAll(async () => {
    [emulator, redis] = await Promise.all([
      startEmulatorProgram(['--retry-after', '0'], { DPSLOAD_GROUP_KEY: GROUP_KEY, TMPDIR: root }),
      startRedisServer(['--appendonly', 'no', '--requirepass', PASSWORD, '--dir', left]),
    ]);
    const ca = await createTestCa();
    const keyPem = await ca.keyPem();
    secrets.push(pemSecret('the key of a CA', keyPem));
    roots = plant('roots.pem', `${keyPem}\n${readFileSync(emulator.caFile, 'utf8')}\n${ca.certPem}`);
    admin = new Redis({ port: redis.port, password: PASSWORD }).on('error', () => {});
    const monitor = await admin.monitor();
    monitor.on('error', () => {});
    monitor.on('monitor', (_: string, args: readonly string[]) => {
      heard += `${args.join(' ')}\n`;
      // A dump of what is there while launches are on their way.
      if (args.includes('xadd') || args.includes('XADD')) void admin.save().catch(() => {});
    });
  });
  afterAll(async () => {
    await endAgents();
    admin.disconnect();
    await Promise.all([emulator.stop(), redis.stop()]);
  });

  it('are resolved on the agent: the keys in the rows of its own copy of the fleet', async () => {
    await startAgent(['--name', 'copyist', '--fleet', copy], {});
    const { code, results } = await run(keyed, {}, '--attestation', 'device-key');
    expect(code).toBe(0);
    expect(results.map(({ result }) => result)).toEqual([...IDS, OWN.id].map(() => 'assigned'));
    await endAgents();
  });

  it('are resolved on the agent: group keys from its own environment and files, and refused when they are wrong', async () => {
    const keys = { DPSLOAD_GROUP_KEY: GROUP_KEY };
    await startAgent(['--name', 'keeper', '--fleet', mixed, '--label', 'region=europe'], keys);
    const { code, results } = await run(mixed, keys, '--secondary-key-file', secondary, '--pin-by', 'region');
    expect(code).toBe(0);
    expect(results.map(({ result, agent }) => [result, agent])).toEqual(
      [...IDS, OWN.id].map(() => ['assigned', 'keeper']),
    );
    await endAgents();
  });

  it('that an agent lacks are named before the start, with a remedy, by agent and cause', async () => {
    const keys = { DPSLOAD_GROUP_KEY: GROUP_KEY };
    await startAgent(['--name', 'poor', '--fleet', copy], { DPSLOAD_GROUP_KEY: `${WRONG_KEY}!` });
    const { code, stderr } = await run(mixed, keys, '--again');
    expect(code).toBe(2);
    expect(stderr).toMatch(/agent poor: the group key, from DPSLOAD_GROUP_KEY, .*\. Give the complete base64 key/);
    expect(stderr).toMatch(
      /agent poor: .*copy-of-keyed\.csv: is not the fleet of this run, mixed\.csv with .* SHA-256/,
    );
    expect(stderr).not.toContain(WRONG_KEY);
    await endAgents();
  });

  it('are not even read for a target that the agent does not allow', async () => {
    const keys = { DPSLOAD_GROUP_KEY: GROUP_KEY };
    await startAgent(['--name', 'strict', '--allow-target', '127.0.0.1:8883'], {});
    const { code, stderr } = await run(mixed, keys, '--again');
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /agent strict: the target is 127\.0\.0\.1:\d+, which its --allow-target does not name\. Start the agent with/,
    );
    expect(stderr).not.toContain('agent strict: the group key');
    await endAgents();
  });

  it('that are created for the run cannot be had by agents', async () => {
    const { code, stderr } = await startEmulated();
    expect(code).toBe(2);
    expect(stderr).toContain('Set DPSLOAD_GROUP_KEY to the same key here and on each agent');
  });

  const startEmulated = () =>
    start(['run', mixed, '--emulator', '--agents', '1', '--out', join(left, 'none')], env()).ended;

  /** Of all that was said, written and sent above. */
  it('are found nowhere: not in what goes through Redis, its dump, arguments, output or files', async () => {
    await admin.save();
    // What is searched is there at all.
    expect(heard).toContain(PAYLOAD);
    expect(heard).toContain('"launch"');
    const everything = Buffer.concat([Buffer.from(heard), ...said]);
    expect(leaks(secrets, 'Redis, arguments and output', everything)).toEqual([]);
    expect(leaksInFolder(secrets, left)).toEqual([]);
    said = [];
  });
});
