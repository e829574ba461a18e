import { describe, expect, it } from 'vitest';
import type { Flags } from '../../src/scenario/read/gather-settings.ts';
import { resolveScenario } from '../../src/scenario/read/resolve-scenario.ts';
import type { Scenario } from '../../src/scenario/scenario.ts';

function resolve(flags: Flags): Scenario {
  const target = { host: 'dps.example', idScope: '0ne00111111', fleet: 'f.csv' };
  const environment = { DPSLOAD_GROUP_KEY: Buffer.alloc(32, 1).toString('base64') };
  return resolveScenario({ flags: { ...target, ...flags }, environment, scenarioFile: null, cores: 2 }).scenario;
}

describe('the port', () => {
  it.each<[flags: Flags, port: number]>([
    [{}, 8883],
    [{ transport: 'websocket' }, 443],
    [{ transport: 'websocket', port: '8443' }, 8443],
    [{ port: '1' }, 1],
  ])('of %j is %i', (flags, port) => {
    expect(resolve(flags).target).toMatchObject({ port });
  });
});

describe('TLS', () => {
  it('is set up as the settings say', () => {
    const { tls, caFile } = resolve({
      caOnly: 'ca.pem',
      serverName: 'name.example',
      tlsMin: '1.3',
      localAddress: '10.0.0.1, ::1',
    });
    expect(caFile).toBe('ca.pem');
    expect(tls).toEqual({
      caOnly: true,
      serverName: 'name.example',
      versionMin: 'TLSv1.3',
      versionMax: 'TLSv1.3',
      localAddresses: ['10.0.0.1', '::1'],
    });
  });

  it.each<[flags: Flags, message: RegExp]>([
    [{ ca: 'a.pem', caOnly: 'b.pem' }, /--ca, --ca-only: CA certificates can extend the system roots or replace them/],
    [{ tlsMin: '1.3', tlsMax: '1.2' }, /--tls-min, --tls-max: no TLS version satisfies both/],
    [{ tlsMin: '1.1' }, /--tls-min "1.1" is not 1.2 or 1.3/],
    [{ localAddress: 'eth0' }, /--local-address "eth0" is not a list of IP addresses/],
    [{ localAddress: '10.0.0.1,10.0.0.1' }, /--local-address/],
  ])('is refused for %j', (flags, message) => {
    expect(() => resolve(flags)).toThrow(message);
  });
});
