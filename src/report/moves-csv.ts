import type { DeviceStep } from '../metrics/allocation/device-history.ts';
import { csvLine } from './csv-line.ts';

export const MOVES_CSV_HEADER = csvLine([
  'registration_id',
  'round',
  'change',
  'hub_before',
  'hub',
  'device_id_before',
  'device_id',
  'device_id_changed',
  'substatus',
]);

/** The line of a registration whose device had a hub before; `null` for all others. */
export function movesCsvLine({ outcome, change, hubBefore, deviceIdBefore }: DeviceStep): string | null {
  if (change === null) return null;
  const { registrationId, round, assignedHub, deviceId, substatus } = outcome;
  const idChanged = deviceIdBefore === null || deviceId === null ? null : deviceId !== deviceIdBefore;
  return csvLine([
    registrationId,
    round,
    change,
    hubBefore,
    assignedHub,
    deviceIdBefore,
    deviceId,
    idChanged,
    substatus,
  ]);
}
