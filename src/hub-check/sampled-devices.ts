import type { FleetRow } from '../fleet/fleet-row.ts';
import { type HubSample, HubSampler } from '../hub/hub-sample.ts';
import type { HubCheckSurvey } from '../journal/hub-check-journal.ts';
import { AccountFold } from '../metrics/fleet-account.ts';
import { finalOutcomes } from '../results/final-outcomes.ts';
import type { JournalSurvey } from '../results/survey-journals.ts';
import type { CheckedDevice } from './check-stage.ts';

/** Everything that a check of the device needs: its place at a hub, and the row from which its credentials are made. */
export type SampledDevice = CheckedDevice & FleetRow;

/** Each device of the run that has a hub, in the order of the fleet. @param sinceEpochMs leaves out those that got it before; `null` = none */
export async function* assignedDevices(
  survey: JournalSurvey,
  sinceEpochMs: number | null,
): AsyncGenerator<CheckedDevice> {
  const { first, fleet, wasSelected } = survey;
  const account = new AccountFold({ wasSelected, isDone: true, rounds: first.rounds, leftOut: fleet.rejectedRows });
  for await (const { outcome: last, clockEpochMs } of finalOutcomes(survey, null)) {
    const standing = account.add(last);
    if (standing?.state !== 'assigned') continue;
    const { row, registrationId, assignedHub, deviceId, finishedAtMs } = standing.outcome;
    if (assignedHub === null) continue;
    const assignedAtEpochMs = finishedAtMs === null ? null : clockEpochMs + finishedAtMs;
    if (sinceEpochMs !== null && (assignedAtEpochMs ?? 0) < sinceEpochMs) continue;
    // The service names a device ID only where it differs from the registration ID.
    yield { row, registrationId, hub: assignedHub, deviceId: deviceId ?? registrationId, assignedAtEpochMs };
  }
}

type SampleChoice = { readonly share: number; readonly seed: number };

export async function drawSample(
  devices: AsyncIterable<CheckedDevice>,
  { share, seed }: SampleChoice,
  before: HubCheckSurvey | null,
): Promise<HubSample> {
  const sampler = new HubSampler(share, seed);
  for await (const { row, registrationId, hub } of devices) {
    sampler.add({ row, registrationId, hub, wasChecked: before?.checks.get(row)?.hub === hub });
  }
  return sampler.sample();
}

/** The devices of the sample that have not passed, with their rows. */
export async function* devicesLeft(
  devices: AsyncIterable<CheckedDevice>,
  rows: AsyncIterable<FleetRow>,
  sample: HubSample,
  before: HubCheckSurvey | null,
): AsyncGenerator<SampledDevice> {
  const fleet = rows[Symbol.asyncIterator]();
  try {
    for await (const device of devices) {
      const check = before?.checks.get(device.row);
      if (!sample.has(device.row) || (check?.result === 'passed' && check.hub === device.hub)) continue;
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
