import { describe, expect, it } from 'vitest';
import { readAllowedTargets, targetProblems } from '../../src/agents/allowed-targets.ts';
import { operatorError } from '../support/fleet-file.ts';

const DPS = { host: 'dps.example.net', port: 8883, serverName: null, pinned: [] };

function messages(allowed: readonly string[], target: Parameters<typeof targetProblems>[1]): readonly string[] {
  return targetProblems(readAllowedTargets(allowed), target).map(({ message }) => message);
}

describe('the targets that an agent allows', () => {
  it('are hosts or hosts with a port, whatever their case', () => {
    expect(readAllowedTargets(['DPS.example.net', 'other:443', '127.0.0.1:1', '[FE80::1]:8883'])).toEqual([
      { host: 'dps.example.net', port: null },
      { host: 'other', port: 443 },
      { host: '127.0.0.1', port: 1 },
      { host: 'fe80::1', port: 8883 },
    ]);
  });

  it('are refused together when they are none', async () => {
    const wrong = ['', 'a b', 'host:', 'host:0', 'host:65536', '[host]', '::1', 'https://host', '*'];
    const { problems } = await operatorError(() => readAllowedTargets([...wrong, 'good']));
    expect(problems.map(({ message }) => message)).toEqual(
      wrong.map((text) => `--allow-target ${JSON.stringify(text)} is not HOST or HOST:PORT`),
    );
  });

  it('are all targets where none is given', () => {
    expect(messages([], { ...DPS, serverName: 'elsewhere' })).toEqual([]);
  });

  it('are compared by host, and by port where one is given', () => {
    expect(messages(['DPS.example.net'], DPS)).toEqual([]);
    expect(messages(['other', 'dps.example.net:8883'], { ...DPS, host: 'DPS.Example.Net' })).toEqual([]);
    expect(messages(['dps.example.net:443'], DPS)).toEqual([
      'the target is dps.example.net:8883, which its --allow-target does not name',
    ]);
    expect(messages(['example.net'], DPS)).toHaveLength(1);
    expect(messages(['dps.example.net'], { ...DPS, host: 'dps.example.net.attacker' })).toHaveLength(1);
  });

  it('cannot be got around by an address or a server name in their place', () => {
    const pinned = [{ host: 'dps.example.net', port: 8883, address: '192.0.2.6' }];
    expect(messages(['dps.example.net'], { ...DPS, pinned })).toEqual([
      'the address that --resolve gives for the target is 192.0.2.6:8883, which its --allow-target does not name',
    ]);
    expect(messages(['dps.example.net', '192.0.2.6'], { ...DPS, pinned })).toEqual([]);
    expect(messages(['dps.example.net'], { ...DPS, pinned: [{ host: 'other', port: 8883, address: '::1' }] })).toEqual(
      [],
    );
    expect(messages(['dps.example.net'], { ...DPS, serverName: 'elsewhere.net' })).toEqual([
      'the name that --server-name expects is elsewhere.net:8883, which its --allow-target does not name',
    ]);
    expect(messages(['dps.example.net'], { ...DPS, serverName: 'dps.example.net' })).toEqual([]);
  });
});
