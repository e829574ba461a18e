import type { DeviceStep } from '../allocation/movement.ts';
import { quoteForShell } from '../files/quote-for-shell.ts';
import type { SessionRecord } from '../journal/journal-record.ts';
import { targetLabel } from '../journal/target-name.ts';

/** Placeholder for the name of the DPS instance, which devices do not know. */
const INSTANCE = 'DPS_NAME';

/** The comment above the commands, which dpsload never runs. @param wasCleanedUp dpsload cleanup has removed records */
export function leftBehindHeader({ target }: Pick<SessionRecord, 'target'>, wasCleanedUp = false): string {
  const lines =
    target.kind === 'emulator'
      ? [
          'The embedded emulator kept nothing when it ended, so this run left nothing behind.',
          'With a real instance, these commands would remove what this run created:',
        ]
      : [
          wasCleanedUp
            ? 'After dpsload cleanup, these registration records and device identities are left.'
            : 'This run left these registration records and device identities behind. It removes nothing; dpsload cleanup removes the records that it created.',
          'The commands below remove all of these, including records and identities that existed before the run.',
        ];
  return [
    targetLabel(target),
    ...lines,
    `Replace ${INSTANCE} with the name of the DPS instance and log in (az login; requires the azure-iot extension).`,
    'For a device with an individual enrollment: az iot dps enrollment registration delete --enrollment-id ID …',
  ]
    .map((line) => `# ${line}\n`)
    .join('');
}

/**
 * Commands for a device after its last registration; empty if it left nothing behind. A comment marks a record that may not exist.
 *
 * @param isRecordRemoved dpsload cleanup has removed it; the identity at the hub stays
 */
export function leftBehindLines({ outcome, hubBefore, deviceIdBefore }: DeviceStep, isRecordRemoved = false): string {
  const { registrationId, result, registersSent } = outcome;
  const assignedHub = outcome.assignedHub ?? hubBefore;
  const deviceId = outcome.deviceId ?? deviceIdBefore;
  if (assignedHub === null && registersSent === 0 && result !== 'unknown') return '';
  const record = `az iot dps enrollment-group registration delete --dps-name ${INSTANCE} --registration-id=${quote(registrationId)}`;
  if (assignedHub === null) return `${record}  # ${result}: may have left a record\n`;
  const hub = assignedHub.split('.')[0] ?? assignedHub;
  const identity = `az iot hub device-identity delete --hub-name=${quote(hub)} --device-id=${quote(deviceId ?? registrationId)}`;
  return isRecordRemoved ? `${identity}\n` : `${record}\n${identity}\n`;
}

/** On one line, since the service's names may contain anything. It follows `=`, since an ID may begin with a dash. */
function quote(text: string): string {
  return quoteForShell(text.replace(/[\r\n]/g, ' '));
}
