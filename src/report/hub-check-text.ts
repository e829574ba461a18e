import type { HubCheck } from '../hub/hub-check.ts';
import { parseThreshold } from '../metrics/threshold/parse-threshold.ts';
import { formatCount, formatMs, formatNoun, formatUntrusted } from './format.ts';
import type { Summary } from './summary.ts';

type HubChecks = NonNullable<Summary['hubCheck']>;

const PROVED: Readonly<Record<HubCheck, string>> = {
  connect: 'connected to their hubs',
  telemetry: 'sent a message to their hubs',
  twin: 'read their twins',
};

/** `48 of 50 devices of the sample connected to their hubs, 2 failed; 1,000 devices have a hub` */
export function describeHubCheck({ check, devices, sampled, passed, failed, left }: HubChecks): string {
  if (devices === 0) return 'no device has a hub';
  // Only hubs of an emulator end.
  if (sampled === 0) return `not checked: the hubs of ${formatNoun(devices, 'device')} have ended`;
  const rest = [
    ...(failed === 0 ? [] : [`${formatCount(failed)} failed`]),
    ...(left === 0 ? [] : [`${formatCount(left)} not checked`]),
  ];
  const of = sampled === devices ? 'devices' : `devices of the sample`;
  const all = sampled === devices ? '' : `; ${formatNoun(devices, 'device')} have a hub`;
  return `${[`${formatCount(passed)} of ${formatCount(sampled)} ${of} ${PROVED[check]}`, ...rest].join(', ')}${all}`;
}

/** Returns whether the hub check fails the run: some device failed or was not checked, and no threshold says how many may. */
export function failsByHubCheck({ hubCheck, thresholds }: Pick<Summary, 'hubCheck' | 'thresholds'>): boolean {
  if (hubCheck === undefined || hubCheck.failed + hubCheck.left === 0) return false;
  const isJudged = thresholds.some(({ expression }) => parseThreshold(expression).metric.startsWith('hub_check_'));
  return hubCheck.left > 0 || !isJudged;
}

export const HUB_CHECK_COLUMNS = [
  'hub',
  'devices',
  'sample',
  'passed',
  'failed',
  'not checked',
  'connections',
  'p50',
  'p95',
  'p99',
] as const;

/** One row for each hub; times from dialing to CONNACK. */
export function hubCheckRows({ hubs }: HubChecks): readonly (readonly string[])[] {
  return hubs.map(({ hub, devices, sampled, passed, failed, left, attempts, connect }) => [
    formatUntrusted(hub),
    ...[devices, sampled, passed, failed, left, attempts].map(formatCount),
    ...[connect?.p50Ms, connect?.p95Ms, connect?.p99Ms].map((ms) => formatMs(ms ?? null)),
  ]);
}

export const HUB_FAILURE_COLUMNS = ['registration ID', 'hub', 'code', 'message'] as const;

/** The first devices that failed. */
export function hubFailureRows({ failures }: HubChecks): readonly (readonly string[])[] {
  return failures.map(({ registrationId, deviceId, hub, result, message }) => [
    formatUntrusted(registrationId === deviceId ? registrationId : `${registrationId} (device ${deviceId})`),
    formatUntrusted(hub),
    result,
    formatUntrusted(message ?? ''),
  ]);
}

/** `and 12 more in hub-checks.csv`; `null` = all are listed. */
export function hubFailuresUnlisted({ failed, failures }: HubChecks): string | null {
  const unlisted = failed - failures.length;
  return unlisted > 0 ? `and ${formatCount(unlisted)} more in hub-checks.csv` : null;
}
