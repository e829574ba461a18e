import type { DeviceStep } from '../allocation/movement.ts';
import { quoteForShell } from '../files/quote-for-shell.ts';
import type { SessionRecord } from '../journal/journal-record.ts';
import { targetLabel } from '../journal/target-name.ts';

/** In place of the name of the DPS instance, which no device is told. */
const INSTANCE = 'DPS_NAME';

/** What stands above the commands. Nothing here is run by anybody. */
export function leftBehindHeader({ target }: SessionRecord): string {
  const lines =
    target.kind === 'emulator'
      ? [
          'The embedded emulator has forgotten everything when it ended: nothing is left behind.',
          'Against a real instance, these commands would remove what this run leaves behind:',
        ]
      : [
          'This run left the registration records and device identities below behind. dpsload removes nothing;',
          'these commands would. They also remove what was there before, where devices were known already.',
        ];
  return [
    targetLabel(target),
    ...lines,
    `Put the name of the DPS instance in the place of ${INSTANCE}, and log in (az login; extension azure-iot).`,
    'A device of an individual enrollment: az iot dps enrollment registration delete --enrollment-id ID …',
  ]
    .map((line) => `# ${line}\n`)
    .join('');
}

/** The commands for a device, at its last registration; empty where it left nothing behind. Where it may have, the line says so. */
export function leftBehindLines({ outcome, hubBefore, deviceIdBefore }: DeviceStep): string {
  const { registrationId, result, registersSent } = outcome;
  const assignedHub = outcome.assignedHub ?? hubBefore;
  const deviceId = outcome.deviceId ?? deviceIdBefore;
  if (assignedHub === null && registersSent === 0 && result !== 'unknown') return '';
  const record = `az iot dps enrollment-group registration delete --dps-name ${INSTANCE} --registration-id ${quote(registrationId)}`;
  if (assignedHub === null) return `${record}  # ${result}: perhaps there is a record\n`;
  const hub = assignedHub.split('.')[0] ?? assignedHub;
  const identity = `az iot hub device-identity delete --hub-name ${quote(hub)} --device-id ${quote(deviceId ?? registrationId)}`;
  return `${record}\n${identity}\n`;
}

/** On one line, since the service's names may contain anything. */
function quote(text: string): string {
  return quoteForShell(text.replace(/[\r\n]/g, ' '));
}
