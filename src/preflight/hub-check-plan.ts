import { placeName } from '../mqtt/tls-dialler.ts';
import { formatCount, formatDuration, formatPercent } from '../report/format.ts';
import type { Scenario } from '../scenario/scenario.ts';

/** What a run will do at the hubs, as far as it is known before it; `null` = nothing. */
export function describeHubCheckPlan({ hubCheck, load, target }: Scenario): string | null {
  if (hubCheck === null) return null;
  const { allowedHosts, check, concurrency, connectTo, connectionsPerSecond, durationMs, share } = hubCheck;
  const sample =
    share === 1 ? 'all devices of each hub' : `${formatPercent(share)} of the devices of each hub, at least one`;
  const ofHubs = load.hubs === null ? '50' : 'half of what --hubs allows (50 at others)';
  const pace = connectionsPerSecond === null ? ofHubs : formatCount(connectionsPerSecond);
  const place = placeOf(target.kind === 'emulator', connectTo, allowedHosts);
  const cost = check === 'telemetry' ? '; one message for each device, which its hub bills' : '';
  return (
    `${check}, after the registrations: ${sample}; at most ${pace} new connections a second at each hub, ` +
    `${formatCount(concurrency)} open at once, ${formatDuration(durationMs)} in all; ${place}${cost}`
  );
}

function placeOf(
  isEmbedded: boolean,
  connectTo: NonNullable<Scenario['hubCheck']>['connectTo'],
  allowedHosts: readonly string[],
): string {
  if (isEmbedded) return 'at the hubs of the emulator';
  const hosts = `only hosts that the service names and that end in ${allowedHosts.join(', ')}`;
  return connectTo === null ? hosts : `${hosts}, all at ${placeName(connectTo)}`;
}
