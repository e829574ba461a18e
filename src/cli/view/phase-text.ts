import type { RunProgress } from '../../metrics/progress.ts';
import { formatCount, formatDuration, formatNoun, formatUntrusted } from '../../report/format.ts';

/** What the run is doing, for a line of a log: `outage 45 s, 12 held`. */
export function phaseWords({ phase }: Pick<RunProgress, 'phase'>): string {
  switch (phase.kind) {
    case 'canary':
      return `canary ${formatCount(phase.ended)}/${formatCount(phase.devices)}`;
    case 'outage':
      return `outage ${formatDuration(phase.lastedMs)}, ${formatCount(phase.held)} held`;
    case 'waiting':
      return `waiting for ${labelsText(phase.labels)}, gives up in ${formatDuration(phase.leftMs)}`;
    default:
      return phase.kind;
  }
}

/** What the run is doing, and what Ctrl-C does now, in parts that each fit on a narrow terminal. */
export function phaseParts({ phase, inFlight }: Pick<RunProgress, 'phase' | 'inFlight'>): readonly string[] {
  const stops = 'Ctrl-C stops, resumable';
  switch (phase.kind) {
    case 'starting':
      return ['connecting to the target', 'Ctrl-C stops'];
    case 'canary': {
      const { ended, devices } = phase;
      const count = `canary: ${formatCount(ended)} of ${formatNoun(devices, 'device')} ended`;
      return [count, 'the rest start once all are assigned', stops];
    }
    case 'running':
      return ['running', stops];
    case 'outage':
      return [
        `outage: no response for ${formatDuration(phase.lastedMs)}`,
        `${formatNoun(phase.held, 'registration')} held`,
        stops,
      ];
    case 'waiting':
      return [
        `waiting for an agent with ${labelsText(phase.labels)}`,
        `gives up in ${formatDuration(phase.leftMs)}`,
        stops,
      ];
    case 'draining':
      return ['draining: all launched', waitingFor(inFlight), stops];
    case 'stopping':
      return [`stopping: ${waitingFor(inFlight)}`, 'Ctrl-C again stops immediately'];
    case 'ended':
      return ['all registrations ended, writing the results'];
  }
}

/** Of many labels, the first ones. */
const LABELS_CHARACTERS_MAX = 40;

function labelsText(labels: readonly string[]): string {
  return formatUntrusted(labels.join(' or '), LABELS_CHARACTERS_MAX);
}

/** As of the last sample, which may be a second old. */
function waitingFor(inFlight: number): string {
  return inFlight === 0 ? 'waiting for the last outcomes' : `waiting for ${formatNoun(inFlight, 'registration')}`;
}
