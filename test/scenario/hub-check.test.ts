import { describe, expect, it } from 'vitest';
import { HUB_HOST_ENDINGS } from '../../src/dps/endpoint.ts';
import type { Flags } from '../../src/scenario/read/gather-settings.ts';
import { resolveScenario } from '../../src/scenario/read/resolve-scenario.ts';
import { operatorError } from '../support/fleet-file.ts';
import { GROUP_KEY_ENV } from '../support/group-key.ts';

const REAL = { host: 'global.azure-devices-provisioning.net', idScope: '0ne00000000' };
const LOCAL = { ...REAL, host: '127.0.0.1' };

const resolve = (flags: Flags) =>
  resolveScenario({ flags: { fleet: 'f.csv', ...flags }, environment: GROUP_KEY_ENV, scenarioFile: null, cores: 2 })
    .scenario;

const problemOf = async (flags: Flags): Promise<string> => (await operatorError(() => resolve(flags))).message;

describe('the hub check of a scenario', () => {
  it('is none unless it is asked for', () => {
    expect(resolve(REAL).hubCheck).toBeNull();
  });

  it('checks a twentieth, slowly, at hubs of the cloud alone', () => {
    expect(resolve({ ...REAL, hubCheck: 'twin' }).hubCheck).toEqual({
      check: 'twin',
      share: 0.05,
      connectionsPerSecond: null,
      concurrency: 100,
      attemptsMax: 5,
      identityWaitMs: 60_000,
      connectTimeoutMs: 60_000,
      answerTimeoutMs: 30_000,
      durationMs: 3_600_000,
      allowedHosts: HUB_HOST_ENDINGS,
      connectTo: null,
    });
  });

  it('takes a share of all, and a place for every hub', () => {
    const flags = { ...LOCAL, hubCheck: 'connect', hubCheckShare: 'all', hubConnectTo: '[::1]:8884' };
    expect(resolve(flags).hubCheck).toMatchObject({ share: 1, connectTo: { host: '::1', port: 8884 } });
  });

  it('sends no device to the cloud whose service is on this machine', async () => {
    expect(await problemOf({ ...LOCAL, hubCheck: 'connect' })).toContain('--hub-connect-to 127.0.0.1:PORT');
    const pinned = { ...LOCAL, hubCheck: 'connect', resolve: 'hub-a.azure-devices.net:8883:127.0.0.1' };
    expect(resolve(pinned).hubCheck).toMatchObject({ check: 'connect' });
  });

  it('says of an option that cannot be read only that', async () => {
    const text = await problemOf({ ...LOCAL, hubCheck: 'connect', hubConnectTo: 'foo', hubCheckShare: '0' });
    expect(text.match(/^--\S+/gm)).toEqual(['--hub-check-share', '--hub-connect-to']);
    expect(text.split('\n')).toHaveLength(2);
    expect((await problemOf({ ...REAL, hubCheck: 'ping', hubConnectTo: 'a:1' })).split('\n')).toHaveLength(1);
    expect((await problemOf({ ...REAL, hubConnectTo: 'foo' })).split('\n')).toHaveLength(2);
  });

  it.each<[Flags, string]>([
    [{ ...REAL, hubCheckShare: '10%' }, '--hub-check-share is given, but no hub check'],
    [{ ...REAL, hubConnectTo: 'a:1' }, '--hub-connect-to is given, but no hub check'],
    [{ emulator: 'true', hubCheck: 'connect', hubConnectTo: 'a:1' }, 'does not apply to the embedded emulator'],
    [{ ...REAL, hubCheck: 'ping' }, 'is not connect, telemetry or twin'],
    [{ ...REAL, hubCheck: 'connect', hubCheckShare: '0%' }, 'is not a percentage'],
    [{ ...REAL, hubCheck: 'connect', hubConnectTo: '127.0.0.1' }, 'is not HOST:PORT'],
    [{ ...REAL, hubCheck: 'connect', hubConnectTo: 'a:65536' }, 'is not HOST:PORT'],
    [{ ...REAL, hubCheck: 'connect', hubAllowedHosts: 'azure-devices.net' }, 'is not a list of endings'],
    [{ ...REAL, hubCheck: 'connect', hubAllowedHosts: '.' }, 'is not a list of endings'],
    [{ ...REAL, hubCheck: 'connect', hubConnectionsPerSecond: '0' }, 'is not a whole number'],
  ])('refuses %j', async (flags, message) => {
    expect(await problemOf(flags)).toContain(message);
  });
});
