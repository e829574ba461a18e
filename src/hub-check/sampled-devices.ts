import type { FleetRow } from '../fleet/fleet-row.ts';
import { type HubSample, HubSampler } from '../hub/hub-sample.ts';
import type { HubCheckSurvey } from '../journal/hub-check-journal.ts';
import { AccountFold } from '../metrics/fleet-account.ts';
import { finalOutcomes } from '../results/final-outcomes.ts';
import type { JournalSurvey } from '../results/survey-journals.ts';
import type { CheckedDevice } from './check-stage.ts';

/** Everything that a check of the device needs: its place at a hub, and the row from which its credentials are made. */
export type SampledDevice = CheckedDevice & FleetRow;

/** Each device of the run that has a hub, in the order of the fleet. */
export async function* assignedDevices(survey: JournalSurvey): AsyncGenerator<CheckedDevice> {
  const { first, fleet, wasSelected } = survey;
  const account = new AccountFold({ wasSelected, isDone: true, rounds: first.rounds, leftOut: fleet.rejectedRows });
  for await (const { outcome: last, clockEpochMs } of finalOutcomes(survey, null)) {
    const standing = account.add(last);
    if (standing?.state !== 'assigned') continue;
    const { row, registrationId, assignedHub, deviceId, finishedAtMs } = standing.outcome;
    if (assignedHub === null) continue;
    const assignedAtEpochMs = finishedAtMs === null ? null : clockEpochMs + finishedAtMs;
    // The service names a device ID only where it differs from the registration ID.
    yield { row, registrationId, hub: assignedHub, deviceId: deviceId ?? registrationId, assignedAtEpochMs };
  }
}

/** What is known of earlier sessions. */
export type Earlier = {
  /** Checks of the same kind; `null` = none. */
  readonly checks: HubCheckSurvey | null;
  /** By the wall clock: hubs that assigned devices before then have ended; `null` = none has. */
  readonly hubsSinceEpochMs: number | null;
};

type SampleChoice = { readonly share: number; readonly seed: number };

export type DrawnSample = HubSample & {
  /** Devices of the sample that an earlier session has checked, and that need not prove it again. */
  readonly passedBefore: number;
};

export async function drawSample(
  devices: AsyncIterable<CheckedDevice>,
  { share, seed }: SampleChoice,
  earlier: Earlier,
): Promise<DrawnSample> {
  const sampler = new HubSampler(share, seed);
  const passed: number[] = [];
  for await (const device of devices) {
    const { row, registrationId, hub } = device;
    const wasChecked = earlier.checks?.checks.get(row)?.hub === hub;
    sampler.add({ row, registrationId, hub, wasChecked, isGone: isGone(device, earlier) });
    if (hasPassed(device, earlier)) passed.push(row);
  }
  const sample = sampler.sample();
  return { ...sample, passedBefore: passed.filter((row) => sample.has(row)).length };
}

/** At the hub that the device has now. */
function hasPassed({ row, hub }: CheckedDevice, { checks }: Earlier): boolean {
  const check = checks?.checks.get(row);
  return check?.result === 'passed' && check.hub === hub;
}

function isGone({ assignedAtEpochMs }: CheckedDevice, { hubsSinceEpochMs }: Earlier): boolean {
  return hubsSinceEpochMs !== null && (assignedAtEpochMs ?? 0) < hubsSinceEpochMs;
}

/** The devices of the sample that have not passed, with their rows. */
export async function* devicesLeft(
  devices: AsyncIterable<CheckedDevice>,
  rows: AsyncIterable<FleetRow>,
  sample: HubSample,
  earlier: Earlier,
): AsyncGenerator<SampledDevice> {
  const fleet = rows[Symbol.asyncIterator]();
  try {
    for await (const device of devices) {
      if (!sample.has(device.row) || hasPassed(device, earlier) || isGone(device, earlier)) continue;
      yield { ...(await rowAt(fleet, device.row)), ...device };
    }
  } finally {
    await fleet.return?.();
  }
}

/** Rows are asked for in order. */
async function rowAt(fleet: AsyncIterator<FleetRow>, row: number): Promise<FleetRow> {
  for (;;) {
    const next = await fleet.next();
    if (next.done) throw new Error(`the fleet ends before row ${row}`);
    if (next.value.row === row) return next.value;
  }
}
