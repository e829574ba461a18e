import { describe, expect, it } from 'vitest';
import { describeRedis, infoProblems, parseInfo, type RedisFacts } from '../../../src/agents/redis/redis-survey.ts';

const INFO = `# Server\r
redis_version:7.0.15\r
# Clients\r
connected_clients:5\r
maxclients:10000\r
# Memory\r
used_memory:1000000\r
maxmemory:0\r
maxmemory_policy:noeviction\r
# Persistence\r
aof_enabled:0\r
# Replication\r
role:master\r
# Cluster\r
cluster_enabled:0\r
`;

function infoWith(members: Readonly<Record<string, string | number>>) {
  return new Map([...parseInfo(INFO), ...Object.entries(members).map(([name, value]) => [name, `${value}`] as const)]);
}

const FACTS: RedisFacts = {
  ...{ place: '127.0.0.1:6390', latencyMs: 0.34, savePoints: '' },
  ...{ clientsNeeded: 20, isInTheClear: false },
};

function warningsOf(members: Readonly<Record<string, string | number>>, facts: Partial<RedisFacts> = {}) {
  return describeRedis(infoWith(members), { ...FACTS, ...facts }).warnings;
}

describe('the survey of Redis', () => {
  it('describes one that is as it should be in a line, without a warning', () => {
    expect(describeRedis(infoWith({}), FACTS)).toEqual({
      description:
        'Redis 7.0.15 at 127.0.0.1:6390: 0.3 ms latency, no memory limit, no persistence (as reported). ' +
        'If it restarts, devices in flight are registered again and marked possibly_twice.',
      warnings: [],
    });
  });

  it('names Valkey by its own version, and says what it keeps', () => {
    const valkey = { valkey_version: '8.0.1', redis_version: '7.2.4', maxmemory: 2_500_000, aof_enabled: 1 };
    expect(describeRedis(infoWith(valkey), FACTS).description).toMatch(
      /^Valkey 8\.0\.1 at 127\.0\.0\.1:6390: 0\.3 ms latency, 1 MB of 2\.5 MB in use, all messages logged to its disk \(as reported\)\. /,
    );
    expect(describeRedis(infoWith({}), { ...FACTS, savePoints: '3600 1' }).description).toContain(
      ', snapshots saved to its disk (',
    );
  });

  it.each([
    ['6.2.0', 0],
    ['7.0.15', 0],
    ['10.0.0', 0],
    ['6.0.16', 1],
    ['5.0.14', 1],
    ['', 1],
  ])('accepts versions from 6.2 on: %s', (version, problems) => {
    expect(infoProblems(infoWith({ redis_version: version }))).toHaveLength(problems);
  });

  it('refuses what cannot work, with everything at once', () => {
    const problems = infoProblems(infoWith({ redis_version: '3.2.12', cluster_enabled: 1, role: 'slave' }));
    expect(problems.map(({ message }) => message)).toEqual([
      'Redis is version 3.2.12, but agents need at least 6.2',
      'Redis runs as a cluster, which does not keep the keys of one queue together',
      'this is a replica, which takes no writes',
    ]);
    expect(problems.every(({ remedy }) => remedy !== null)).toBe(true);
  });

  it('says what would be lost', () => {
    expect(warningsOf({ maxmemory_policy: 'allkeys-lru' })).toEqual([
      expect.stringMatching(
        /deletes keys when its memory is full \(maxmemory-policy allkeys-lru\).*possibly_twice\. Set /,
      ),
    ]);
    expect(warningsOf({ maxmemory: 1_200_000 })).toEqual([
      expect.stringMatching(/has 1 MB of 1\.2 MB in use.* Raise /),
    ]);
    expect(warningsOf({ maxmemory: 1_300_000 })).toEqual([]);
    expect(warningsOf({}, { latencyMs: 51 })).toEqual([expect.stringMatching(/answers in 51 ms.* Use one nearer/)]);
    expect(warningsOf({ maxclients: 24 })).toEqual([expect.stringMatching(/takes 19 more connections.* Raise /)]);
    expect(warningsOf({ maxclients: 25 })).toEqual([]);
    expect(warningsOf({}, { isInTheClear: true })).toEqual([
      expect.stringMatching(/not encrypted.* Use a rediss: URL/),
    ]);
  });

  it('makes no claim about what a hosted service hides', () => {
    expect(describeRedis(parseInfo('redis_version:7.4.0\n'), FACTS).warnings).toEqual([]);
  });
});
