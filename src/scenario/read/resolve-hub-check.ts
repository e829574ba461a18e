import type { HubCheckPolicy } from '../../hub/hub-check.ts';
import type { Problem } from '../../problem/operator-error.ts';
import type { Target } from '../scenario.ts';
import { HUB_CHECK_SETTINGS } from '../settings/hub-check-settings.ts';
import type { SettingName, SettingValues } from '../settings/settings.ts';
import { type GatheredSettings, isReadable, required } from './gather-settings.ts';
import { problemAt } from './origin.ts';
import { isLoopbackTarget } from './resolve-load.ts';

/** Those that say how a hub check goes: without one, they do nothing. */
export const HUB_CHECK_DETAILS = (Object.keys(HUB_CHECK_SETTINGS) as SettingName[]).filter(
  (name) => name !== 'hubCheck',
);

/**
 * Adds a problem for options of a hub check that is not asked for, and for a hub check that would leave this machine: an emulator names its
 * hubs like those of the cloud, and somebody may own such a name.
 */
export function checkHubCheck(settings: GatheredSettings, target: Target | null, problems: Problem[]): void {
  const { values, origins } = settings;
  const idle = HUB_CHECK_DETAILS.find((name) => origins[name].source === 'flag');
  if (values.hubCheck === null && isReadable(settings, ['hubCheck']) && idle !== undefined) {
    const message = `${origins[idle].name} is given, but no hub check`;
    problems.push(problemAt(origins[idle], message, 'Add --hub-check connect, telemetry or twin'));
  }
  if (target?.kind === 'emulator' && values.hubConnectTo !== null) {
    const message = `${origins.hubConnectTo.name} does not apply to the embedded emulator, whose hubs the run knows`;
    problems.push(problemAt(origins.hubConnectTo, message, 'Remove it'));
  }
  if (values.hubCheck === null || target?.kind !== 'service' || !isLoopbackTarget(target)) return;
  if (values.hubConnectTo !== null || values.resolve !== null) return;
  if (!isReadable(settings, ['hubConnectTo', 'resolve'])) return;
  const message = 'the target is an emulator on this machine, but its hubs have the names of hubs in the cloud';
  const remedy = 'Give --hub-connect-to 127.0.0.1:PORT with the --hub-port of the emulator, or --resolve for each hub';
  problems.push(problemAt(origins.hubCheck, message, remedy));
}

/** What the settings say of the hub check; `null` = there is none. */
export function toHubCheck(values: SettingValues): HubCheckPolicy | null {
  const { hubCheck: check } = values;
  if (check === null) return null;
  return {
    check,
    share: required(values.hubCheckShare),
    connectionsPerSecond: values.hubConnectionsPerSecond,
    concurrency: required(values.hubConnections),
    attemptsMax: required(values.hubAttempts),
    identityWaitMs: required(values.hubIdentityWait),
    connectTimeoutMs: required(values.hubConnectTimeout),
    answerTimeoutMs: required(values.hubAnswerTimeout),
    durationMs: required(values.hubCheckDuration),
    allowedHosts: required(values.hubAllowedHosts),
    connectTo: values.hubConnectTo,
  };
}
