import type { AgentSample } from '../../journal/agent-record.ts';
import type { SampleRecord } from '../../journal/journal-record.ts';
import type { RunProgress } from '../../metrics/progress.ts';
import { describeOffset, formatAgentName } from '../../report/agents-text.ts';
import { ABSENT, formatCount, formatMs, formatNoun, formatNumber, formatUntrusted } from '../../report/format.ts';
import type { Palette } from '../../report/palette.ts';
import { asItIs, type Line } from './terminal-line.ts';

/** On screens without and with room for more. */
export const AGENTS_SHOWN_MAX = { few: 3, many: 8 } as const;

/** Shorter delays are usual; whether they make a difference is judged at the end. */
export const LOOP_DELAY_SHOWN_MS = 250;

/** `agents 2 of 3 (north-1 lost)` */
export function agentsText(agents: readonly AgentSample[]): string[] {
  if (agents.length === 0) return [];
  const lost = agents.filter(({ isLost }) => isLost).map(({ name }) => formatAgentName(name));
  if (lost.length === 0) return [`agents ${formatCount(agents.length)}`];
  const left = lost.length - AGENTS_SHOWN_MAX.few;
  const names = [...lost.slice(0, AGENTS_SHOWN_MAX.few), ...(left > 0 ? [`${formatCount(left)} more`] : [])].join(', ');
  return [`agents ${formatCount(agents.length - lost.length)} of ${formatCount(agents.length)} (${names} lost)`];
}

const AGENT_COLUMNS = ['launched', 'in flight', 'start lag', 'loop delay', 'CPU', 'files', 'clock, ms'] as const;
/** The widest usual values; a clock that is off by seconds takes room from nothing but its own column. */
const AGENT_COLUMN_CHARACTERS = [9, 9, 9, 10, 4, 5, 12] as const;

/** On a narrow screen the last columns go first. */
const NAME_CHARACTERS_MIN = 8;

/** A line for each agent; of many, those in the worst state, in the order of their names. */
export function agentLines(
  { recent }: Pick<RunProgress, 'recent'>,
  agentsMax: number,
  columns: number,
  palette: Palette,
): Line[] {
  const sample = recent.at(-1);
  if (sample === undefined || sample.agents.length === 0) return [];
  const shown = sample.agents.toSorted(worstFirst).slice(0, agentsMax).sort(byName);
  const figures = AGENT_COLUMN_CHARACTERS.reduce((sum, width) => sum + width + 1, 0);
  const longest = Math.max('agent'.length, ...shown.map(({ name }) => formatAgentName(name).length));
  const nameCharacters = Math.max(NAME_CHARACTERS_MIN, Math.min(longest, columns - figures));
  const row = (name: string, cells: readonly string[]): string =>
    [
      formatUntrusted(name, nameCharacters).padEnd(nameCharacters),
      ...cells.map((cell, index) => cell.padStart(AGENT_COLUMN_CHARACTERS[index] ?? 0)),
    ].join(' ');
  const lines = shown.map((agent): Line => {
    const { name, isLost, saturatedMs, loopDelayMaxMs } = agent;
    if (isLost) return [{ text: row(name, ['lost']), paint: palette.bad }];
    const isSlow = saturatedMs > 0 || loopDelayMaxMs > LOOP_DELAY_SHOWN_MS;
    return [{ text: row(name, agentFigures(agent, sample)), paint: isSlow ? palette.warning : asItIs }];
  });
  const left = sample.agents.length - shown.length;
  const lost = sample.agents.filter(({ isLost }) => isLost).length;
  const more = `and ${formatNoun(left, 'more agent')}${lost === 0 ? '' : `; ${formatCount(lost)} lost in all`}`;
  return [
    [{ text: row('agent', AGENT_COLUMNS), paint: palette.dim }],
    ...lines,
    ...(left === 0 ? [] : [[{ text: more, paint: palette.dim }]]),
  ];
}

function agentFigures(agent: AgentSample, { overMs }: SampleRecord): readonly string[] {
  const { launched, inFlight, startLagMaxMs, loopDelayMaxMs, cpuShare, fileDescriptors } = agent;
  return [
    `${formatCount((launched * 1_000) / overMs)}/s`,
    formatCount(inFlight),
    startLagMaxMs === null ? ABSENT : `${formatMs(startLagMaxMs)} ms`,
    `${formatMs(loopDelayMaxMs)} ms`,
    formatNumber(cpuShare),
    fileDescriptors === null ? ABSENT : formatCount(fileDescriptors),
    describeOffset(agent),
  ];
}

function worstFirst(a: AgentSample, b: AgentSample): number {
  const lateMs = ({ startLagMaxMs, loopDelayMaxMs }: AgentSample): number => (startLagMaxMs ?? 0) + loopDelayMaxMs;
  return Number(b.isLost) - Number(a.isLost) || b.saturatedMs - a.saturatedMs || lateMs(b) - lateMs(a) || byName(a, b);
}

function byName(a: AgentSample, b: AgentSample): number {
  return a.name < b.name ? -1 : 1;
}
