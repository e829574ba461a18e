import type { AgentLimit } from '../metrics/agents-fold.ts';
import type { Period } from '../metrics/limited-periods.ts';
import {
  ABSENT,
  formatBytes,
  formatCount,
  formatDuration,
  formatMs,
  formatNoun,
  formatNumber,
  formatShare,
  formatUntrusted,
} from './format.ts';
import type { Summary } from './summary.ts';

type Agents = NonNullable<Summary['agents']>;
type Agent = Agents['agents'][number];

const NAME_CHARACTERS_MAX = 40;
/** Agents named in a sentence. */
const AGENTS_NAMED_MAX = 3;
/** Values of a label that have a column of their own. */
const LABEL_VALUES_SHOWN_MAX = 8;
/** Hubs of a table of hubs by label. */
const HUBS_SHOWN_MAX = 20;

const LIMIT_WORDS: Readonly<Record<AgentLimit, string>> = {
  delays: 'its delays',
  saturation: 'a busy worker',
  slots: 'its slots',
};

export const AGENT_COLUMNS = [
  'assigned',
  'failed',
  'start lag p99, max',
  'loop delay max',
  'CPU mean, max',
  'connections',
  'files max',
  'memory max',
  'clock',
] as const;

/** The same, as a line of text has room for: the largest and the mean, without units. */
export const AGENT_TEXT_COLUMNS = ['assigned', 'failed', 'start lag', 'loop delay', 'CPU', 'files', 'clock'] as const;

/** What they mean. */
export const AGENT_TEXT_NOTE =
  'longest start lag and loop delay in ms, mean CPU in cores, most open files; by how many ms its clock is ahead of the run’s';

/** The agent, then a cell for each of `AGENT_TEXT_COLUMNS`. */
export function agentTextCells(agent: Agent): readonly string[] {
  const { startLagMaxMs, loopDelayMaxMs, cpuShareMean, fileDescriptorsMax } = agent;
  return [
    describeAgent(agent),
    formatCount(agent.assigned),
    formatCount(agent.failed),
    formatMs(startLagMaxMs),
    formatMs(loopDelayMaxMs),
    formatNumber(cpuShareMean),
    fileDescriptorsMax === null ? ABSENT : formatCount(fileDescriptorsMax),
    describeOffset(agent),
  ];
}

type AgentColumn = 'agent' | (typeof AGENT_COLUMNS)[number];

/** What a table shows of an agent, by column. */
export function agentCells(agent: Agent): Readonly<Record<AgentColumn, string>> {
  const { cpuShareMean, cpuShareMax, fileDescriptorsMax, startLagP99Ms, startLagMaxMs } = agent;
  return {
    agent: describeAgent(agent),
    assigned: formatCount(agent.assigned),
    failed: formatCount(agent.failed),
    'start lag p99, max': startLagMaxMs === null ? ABSENT : `${formatMs(startLagP99Ms)}, ${formatMs(startLagMaxMs)} ms`,
    'loop delay max': agent.loopDelayMaxMs === null ? ABSENT : `${formatMs(agent.loopDelayMaxMs)} ms`,
    'CPU mean, max': cpuShareMax === null ? ABSENT : `${formatNumber(cpuShareMean)}, ${formatNumber(cpuShareMax)}`,
    connections: formatCount(agent.connections),
    'files max': fileDescriptorsMax === null ? ABSENT : formatCount(fileDescriptorsMax),
    'memory max': formatBytes(agent.rssBytesMax),
    clock: agent.offsetMs === null ? ABSENT : `${describeOffset(agent)} ms`,
  };
}

/** The agents that a table of so many rows shows: those with remarks first, if there is no room for all. */
export function agentsShown({ agents }: Agents, countMax: number): readonly Agent[] {
  if (agents.length <= countMax) return agents;
  return agents.toSorted((a, b) => remarksOn(b).length - remarksOn(a).length).slice(0, countMax);
}

/** `west-1 (region=westeurope)` */
function describeAgent({ name, labels }: Pick<Agent, 'name' | 'labels'>): string {
  const written = Object.entries(labels).map(([label, value]) => `${label}=${value}`);
  const all = formatUntrusted(written.join(', '), NAME_CHARACTERS_MAX);
  return `${formatAgentName(name)}${all === '' ? '' : ` (${all})`}`;
}

export function formatAgentName(name: string): string {
  return formatUntrusted(name, NAME_CHARACTERS_MAX);
}

/** Whether it was the limit or was lost; empty for most. */
export function remarksOn({ limitedBy, losses, isLost }: Agent): readonly string[] {
  const lost = describeLosses(losses);
  // What an agent held when it was lost is late by the time of the loss.
  const words = losses === 0 ? LIMIT_WORDS : { ...LIMIT_WORDS, delays: 'its loss and delays' };
  return [
    ...(limitedBy.length === 0 ? [] : [`▲ the limit: ${limitedBy.map((limit) => words[limit]).join(', ')}`]),
    ...(losses === 0 ? [] : [isLost ? lost : `${lost}, came back`]),
  ];
}

function describeLosses(losses: number): string {
  return losses === 1 ? 'lost' : `lost ${formatCount(losses)} times`;
}

/** Which agents were lost, as a part of a sentence; empty if none was. */
export function describeLostAgents({ agents }: Pick<Summary, 'agents'>): string {
  const lost = (agents?.agents ?? []).filter(({ losses }) => losses > 0).toSorted((a, b) => b.losses - a.losses);
  return lost.length === 0
    ? ''
    : named(lost, ({ name, losses }) => `agent ${formatAgentName(name)} was ${describeLosses(losses)}`);
}

/** `+1.20 ±0.35`, or `0.00 ±0.35` without a sign: what the clock of an agent is ahead of that of the run. */
export function describeOffset({
  offsetMs,
  offsetUncertaintyMs,
}: {
  readonly offsetMs: number | null;
  readonly offsetUncertaintyMs: number | null;
}): string {
  if (offsetMs === null || offsetUncertaintyMs === null) return ABSENT;
  const ahead = formatMs(Math.abs(offsetMs));
  const sign = ahead === formatMs(0) ? '' : offsetMs < 0 ? '−' : '+';
  return `${sign}${ahead} ±${formatMs(offsetUncertaintyMs)}`;
}

/** How far times that cross processes may be off, whether or not these are on one machine; `null` where no time does. */
export function clockSentence({ agents }: Pick<Summary, 'agents'>): string | null {
  const uncertaintyMs = agents?.clockUncertaintyMs ?? null;
  if (uncertaintyMs === null) return null;
  return (
    `start lag and response compare the clocks of the coordinator and an agent, and may be off by ${formatMs(uncertaintyMs)} ms either way; ` +
    'all other times are measured with one clock'
  );
}

/** Which agents the delays of the load generator are due to, a sentence for each kind of limit. */
export function agentLimitSentences(agents: readonly Agent[]): readonly string[] {
  const by = (limit: AgentLimit): readonly Agent[] => agents.filter(({ limitedBy }) => limitedBy.includes(limit));
  const delaying = by('delays').toSorted((a, b) => b.delayedMs - a.delayedMs);
  const busy = by('saturation').toSorted((a, b) => b.saturatedMs - a.saturatedMs);
  return [
    ...(delaying.length === 0 ? [] : [`of these delays, ${named(delaying, describeDelays)}`]),
    ...(busy.length === 0 ? [] : [named(busy, describeSaturation)]),
  ];
}

function describeDelays({ name, delayShare, delayMaxMs, limitedPeriods, losses }: Agent): string {
  const lost = losses === 0 ? [] : [describeLosses(losses)];
  const details = [...lost, `at most ${formatDelay(delayMaxMs)} for a registration`, ...when(limitedPeriods)];
  const percent = Math.round((delayShare ?? 0) * 100);
  return `${percent}% arose on agent ${formatAgentName(name)} (${details.join(', ')})`;
}

function describeSaturation({ name, saturatedMs, limitedPeriods }: Agent): string {
  const at = when(limitedPeriods).map((text) => ` (${text})`);
  return `a worker of agent ${formatAgentName(name)} had almost no idle time for ${formatDuration(saturatedMs)}${at.join('')}`;
}

function formatDelay(ms: number): string {
  return ms < 1_000 ? `${formatMs(ms)} ms` : formatDuration(ms);
}

function when(periods: readonly Period[]): readonly string[] {
  return periods.length === 0 ? [] : [`at ${describePeriods(periods)}`];
}

/** `1.5 to 6.0 s, 8.0 to 9.0 s` */
export function describePeriods(periods: readonly Period[]): string {
  const seconds = (ms: number): string => (ms / 1_000).toFixed(1);
  return periods.map(({ fromMs, toMs }) => `${seconds(fromMs)} to ${seconds(toMs)} s`).join(', ');
}

/** Whose launches waited for slots most often, as a part of a sentence; empty where agents do not differ. */
export function describeSlotAgents({ agents }: Pick<Summary, 'agents'>): string {
  const all = agents?.agents ?? [];
  const waiting = all.filter(({ limitedBy }) => limitedBy.includes('slots'));
  if (waiting.length === 0 || waiting.length === all.length) return '';
  const worst = waiting.toSorted((a, b) => b.slotWaits - a.slotWaits);
  const names = named(worst, ({ name, slotWaits, launched }) => {
    return `agent ${formatAgentName(name)} (${formatCount(slotWaits)} of ${formatCount(launched)})`;
  });
  return `, most often those of ${names}`;
}

function named(agents: readonly Agent[], describe: (agent: Agent) => string): string {
  const left = agents.length - AGENTS_NAMED_MAX;
  const texts = agents.slice(0, AGENTS_NAMED_MAX).map(describe);
  return [...texts, ...(left > 0 ? [`and ${formatNoun(left, 'more agent')}`] : [])].join('; ');
}

/** Hubs by the values of a label, its head first. */
type LabelTable = { readonly label: string; readonly rows: readonly (readonly string[])[] };

/** For each label of the agents, how many devices each hub got from agents with each of its values. */
export function labelTables({ byLabel }: Agents): readonly LabelTable[] {
  return byLabel.map(({ column, values, others }) => {
    const shown = values.slice(0, LABEL_VALUES_SHOWN_MAX);
    const hubs = [...new Set(values.flatMap((value) => value.hubs.map(({ hub }) => hub)))].sort();
    const left = values.length - shown.length + (others?.values ?? 0);
    const head = shown.map(({ value }) => (value === '' || value === null ? '(none)' : formatUntrusted(value)));
    const rows = hubs.slice(0, HUBS_SHOWN_MAX).map((hub) => [
      formatUntrusted(hub),
      ...shown.map(({ hubs: counts, assigned }) => {
        const count = counts.find((each) => each.hub === hub)?.count ?? 0;
        return count === 0 ? '0' : `${formatCount(count)} (${formatShare(count / assigned)})`;
      }),
    ]);
    return {
      label: column,
      rows: [
        ['hub', ...head],
        ...rows,
        ...moreRow(hubs.length - HUBS_SHOWN_MAX, 'more hub', shown.length),
        ['assigned', ...shown.map(({ assigned }) => formatCount(assigned))],
        ['failed', ...shown.map(({ failed }) => formatCount(failed))],
        ...moreRow(left, 'more value', shown.length),
      ],
    };
  });
}

function moreRow(count: number, noun: string, columns: number): readonly (readonly string[])[] {
  return count <= 0
    ? []
    : [[`${formatNoun(count, noun)} in summary.json`, ...Array.from({ length: columns }, () => '')]];
}

/** `3: region=northeurope 1, region=westeurope 2`; `none` = the workers are threads. */
export function describeAgents(agents: readonly Pick<Agent, 'labels'>[] | undefined): string {
  if (agents === undefined || agents.length === 0) return 'none';
  const counts = new Map<string, number>();
  for (const { labels } of agents) {
    for (const [label, value] of Object.entries(labels)) {
      const text = `${formatUntrusted(label)}=${formatUntrusted(value)}`;
      counts.set(text, (counts.get(text) ?? 0) + 1);
    }
  }
  const labelled = [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([text, count]) => `${text} ${formatCount(count)}`);
  return [formatCount(agents.length), ...(labelled.length === 0 ? [] : [labelled.join(', ')])].join(': ');
}
