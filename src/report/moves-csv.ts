import type { DeviceStep, HubChange } from '../allocation/movement.ts';
import type { CsvCell } from '../files/csv-line.ts';

/** One device that had a hub before. */
export type Move = {
  readonly registrationId: string;
  readonly round: number | string;
  readonly change: HubChange;
  readonly hubBefore: string | null;
  readonly hub: string | null;
  readonly deviceIdBefore: string | null;
  readonly deviceId: string | null;
  readonly substatus: string | null;
};

export const MOVES_CSV_NAMES = [
  'registration_id',
  'round',
  'change',
  'hub_before',
  'hub',
  'device_id_before',
  'device_id',
  'device_id_changed',
  'substatus',
] as const;

export function movesCsvCells(move: Move): readonly CsvCell[] {
  const { registrationId, round, change, hubBefore, hub, deviceIdBefore, deviceId, substatus } = move;
  const idChanged = deviceIdBefore === null || deviceId === null ? null : deviceId !== deviceIdBefore;
  return [registrationId, round, change, hubBefore, hub, deviceIdBefore, deviceId, idChanged, substatus];
}

/** `null` if the device had no hub before or its hub is now unknown. */
export function moveOf({ outcome, change, hubBefore, deviceIdBefore }: DeviceStep): Move | null {
  if (change === null) return null;
  const { registrationId, round, assignedHub: hub, deviceId, substatus } = outcome;
  return { registrationId, round, change, hubBefore, hub, deviceIdBefore, deviceId, substatus };
}
