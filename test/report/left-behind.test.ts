import { describe, expect, it } from 'vitest';
import { DeviceHistory } from '../../src/allocation/movement.ts';
import type { RegistrationOutcome } from '../../src/registration/registration-outcome.ts';
import { leftBehindHeader, leftBehindLines } from '../../src/report/left-behind.ts';
import { notAssigned, outcomeRecord, sessionRecord } from '../support/sample-journal.ts';

const RECORD = 'az iot dps enrollment-group registration delete --dps-name DPS_NAME --registration-id';
const IDENTITY = 'az iot hub device-identity delete --hub-name';

const linesOf = (...outcomes: readonly Partial<RegistrationOutcome>[]): string => {
  const history = new DeviceHistory(sessionRecord().startedAtEpochMs);
  const steps = outcomes.map((changes, index) => history.step(outcomeRecord(0, { round: index + 1, ...changes })));
  const last = steps.at(-1);
  return last === undefined ? '' : leftBehindLines(last);
};

describe('what a run leaves behind', () => {
  it('is a registration record and a device identity of each assigned device', () => {
    expect(linesOf({ registrationId: 'pump-1', deviceId: 'pump-north', assignedHub: 'hub-a.azure-devices.net' })).toBe(
      `${RECORD}=pump-1\n${IDENTITY}=hub-a --device-id=pump-north\n`,
    );
  });

  it('is at the hub where the device came to last', () => {
    const moved = linesOf({ assignedHub: 'hub-a.azure-devices.net' }, { assignedHub: 'hub-b.azure-devices.net' });
    expect(moved).toContain(`${IDENTITY}=hub-b `);
    const lost = linesOf({ assignedHub: 'hub-a.azure-devices.net' }, notAssigned({ result: 'throttled' }));
    expect(lost).toContain(`${IDENTITY}=hub-a --device-id=dev-000000`);
  });

  it('may be a record of a device that came to no hub, and is nothing of one that never asked', () => {
    expect(linesOf(notAssigned({ result: 'failed' }))).toBe(`${RECORD}=dev-000000  # failed: may have left a record\n`);
    expect(linesOf(notAssigned({ result: 'disconnected', registersSent: 0 }))).toBe('');
  });

  it('is the identity alone once dpsload cleanup has removed the record', () => {
    const step = new DeviceHistory(0).step(outcomeRecord(0));
    expect(leftBehindLines(step, true)).toBe(`${IDENTITY}=hub-a --device-id=dev-000000\n`);
  });

  it('may be of a device whose ID begins with a dash', () => {
    const lines = linesOf({ registrationId: '-dev', deviceId: null, assignedHub: 'hub-a.azure-devices.net' });
    expect(lines).toBe(`${RECORD}=-dev\n${IDENTITY}=hub-a --device-id=-dev\n`);
  });

  it('cannot break out of its command', () => {
    expect(linesOf({ deviceId: "x'; rm -rf /\n$(y)" })).toContain("--device-id='x'\\''; rm -rf / $(y)'\n");
  });

  it('is said to be nothing of the embedded emulator, and never removed', () => {
    expect(leftBehindHeader(sessionRecord())).toContain('left nothing behind');
    const target = {
      kind: 'service',
      host: 'global.azure-devices-provisioning.net',
      port: 8883,
      idScope: '0ne1',
    } as const;
    expect(leftBehindHeader(sessionRecord({ target }))).toContain('It removes nothing');
  });
});
