import type { AffectedPercentile } from '../metrics/generator-share.ts';
import type { HealthLimit } from '../metrics/load-generator-health.ts';
import { agentLimitSentences, describeLostAgents, describePeriods, describeSlotAgents } from './agents-text.ts';
import {
  ABSENT,
  formatBytes,
  formatCount,
  formatDuration,
  formatMs,
  formatNumber,
  formatPercent,
  formatShare,
} from './format.ts';
import { LATENCY_LABELS } from './latency-text.ts';
import type { Summary } from './summary.ts';

/** What the limits of the load generator are about. */
const HEALTH_LABELS: Readonly<Record<HealthLimit['name'], string>> = {
  timeShare: 'part of a percentile',
  launchRateShare: 'part of the launch rate',
  saturatedShare: 'part of the time with a busy worker',
};

/** What the load generator did to the figures of the run, a sentence each; empty if it made no difference. */
export function limitedSentences({ loadGenerator, agents }: LoadGenerators): readonly string[] {
  const { limits, affected, launchRate, limitedPeriods, ...health } = loadGenerator;
  const isSaturated = limits.some(({ name, exceeded }) => name === 'saturatedShare' && exceeded);
  const sentences = [
    ...(affected.length === 0 ? [] : [`its own delays may account for part of ${describeAffected(affected)}`]),
    ...(launchRate === null
      ? []
      : [
          `it launched ${formatNumber(launchRate.achievedPerSecond)}/s; without its delays, ${formatNumber(launchRate.withoutPerSecond)}/s`,
        ]),
    ...(isSaturated ? [`a worker had almost no idle time for ${formatDuration(health.saturatedMs)}`] : []),
  ];
  if (sentences.length === 0) return [];
  const when = limitedPeriods.length === 0 ? [] : [`this happened at ${describePeriods(limitedPeriods)}`];
  return [...sentences, ...when, ...agentLimitSentences(agents?.agents ?? [])];
}

/** The load generator: one machine, or the agents with their coordinator. */
type LoadGenerators = Pick<Summary, 'loadGenerator' | 'agents'>;

/** What to do about it. */
export function limitedRemedy({ agents }: LoadGenerators): string {
  if (agents === undefined) return 'Use a machine with free cores, more --workers or a lower --rate';
  const remedy = 'more agents, machines with free cores or a lower --rate';
  const isLoss = agents.agents.some(({ limitedBy, losses }) => losses > 0 && limitedBy.includes('delays'));
  return isLoss ? `Find out why agents were lost. If it also happens without losses, use ${remedy}` : `Use ${remedy}`;
}

/** Metrics named in a sentence; `summary.json` has them all. */
const METRICS_SHOWN_MAX = 3;

/** `response p95 230 ms (60.1 ms without them), p99 …; service p99 …` */
function describeAffected(affected: readonly AffectedPercentile[]): string {
  const metrics = [...new Set(affected.map(({ metric }) => metric))];
  const shown = metrics.slice(0, METRICS_SHOWN_MAX).map((metric) => {
    const values = affected
      .filter((one) => one.metric === metric)
      .map(
        ({ percentile, measuredMs, withoutMs }) =>
          `p${percentile} ${formatMs(measuredMs)} ms (${formatMs(withoutMs)} ms without them)`,
      );
    return `${LATENCY_LABELS[metric][0]} ${values.join(', ')}`;
  });
  const more = metrics.slice(METRICS_SHOWN_MAX).map((metric) => LATENCY_LABELS[metric][0]);
  return [...shown, ...(more.length === 0 ? [] : [`and of ${more.join(', ')}`])].join('; ');
}

/** That launches waited for slots, why, and what to do; `null` = the slots sufficed. */
export function slotsSentence(summary: LoadGenerators & Pick<Summary, 'sessions'>): string | null {
  const { sessions, loadGenerator } = summary;
  const { outOfSlots } = loadGenerator;
  if (outOfSlots === null) return null;
  const { waited, launches, waitP95Ms, waitMaxMs, slotsNeeded } = outOfSlots;
  const slots = sessions.at(-1)?.concurrency ?? 0;
  const which = `${formatCount(waited)} of ${formatCount(launches)} launches waited for one of the ${formatCount(slots)} slots`;
  const howLong = `p95 ${formatDuration(waitP95Ms)}, at most ${formatDuration(waitMaxMs)}`;
  const isEnough = slotsNeeded === null || slotsNeeded <= slots;
  const lost = describeLostAgents(summary);
  if (isEnough && lost !== '') {
    return `${which} (${howLong}), while slots were missing: ${lost}. Find out why, and raise --concurrency only if launches also wait in a run without losses`;
  }
  const remedy = `Raise --concurrency${isEnough ? '' : ` to ${formatCount(slotsNeeded)} or more`}, or lower the load`;
  return `${which} (${howLong})${describeSlotAgents(summary)}, because registrations take too long for this load. ${remedy}`;
}

/** What was measured of the load generator, a label and a text each. Of agents, tables show what is not said here. */
export function healthRows({
  loadGenerator: health,
  agents,
}: LoadGenerators): readonly (readonly [label: string, text: string])[] {
  const own = agents === undefined ? '' : 'coordinator ';
  const rows = [
    ['start lag p99, max', `${formatMs(health.startLagP99Ms)}, ${formatMs(health.startLagMaxMs)} ms`],
    ['longest event-loop delay', `${formatMs(health.loopDelayMaxMs)} ms`],
    [`${own}CPU mean, max`, `${formatNumber(health.cpuShareMean)}, ${formatNumber(health.cpuShareMax)} cores`],
    ['emulator CPU mean', `${formatNumber(health.emulatorCpuShareMean)} cores`],
    [`${own}open files max`, health.fileDescriptorsMax === null ? ABSENT : formatCount(health.fileDescriptorsMax)],
    [`${own}memory max`, formatBytes(health.rssBytesMax)],
  ] as const;
  return rows.filter(([, text]) => !text.startsWith(ABSENT));
}

/** What a limit allows, what was seen, and the verdict on it. */
export function limitCells({ name, limit, observed, exceeded }: HealthLimit): readonly string[] {
  const verdict = observed === null ? 'not measured' : exceeded ? '✕ exceeded' : '✓ within limit';
  return [HEALTH_LABELS[name], observed === null ? ABSENT : formatShare(observed), formatPercent(limit), verdict];
}
