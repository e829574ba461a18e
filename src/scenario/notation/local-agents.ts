import { isIP } from 'node:net';
import type { LocalAgent } from '../scenario.ts';
import { notation } from './notation.ts';

/** Each is a process of some 100 MB beside the coordinator. */
const LOCAL_AGENTS_MAX = 16;

const LABEL = /^([\w.-]{1,64})=([\w.-]{1,64})$/;

/** `region=europe`; `null` for anything else. */
export function readLabel(text: string): readonly [name: string, value: string] | null {
  const [, name, value] = LABEL.exec(text) ?? [];
  return name === undefined || value === undefined ? null : [name, value];
}

/** As text: one agent a line, `region=europe,zone=1@127.0.0.2`. */
export const LOCAL_AGENTS = notation<readonly LocalAgent[]>({
  placeholder: 'labels',
  kind: 'texts',
  noun: `a list of up to ${LOCAL_AGENTS_MAX} agents with their labels`,
  remedy:
    'Write the labels of an agent, separated by commas, and after @ a source address of its own if it needs one, for example region=europe@127.0.0.2',
  parse: (text) => {
    const agents = text.split('\n').map(readLocalAgent);
    const read = agents.filter((agent) => agent !== null);
    return read.length === agents.length && read.length <= LOCAL_AGENTS_MAX ? read : null;
  },
  show: (agents) => agents.map(showLocalAgent).join('\n'),
});

function readLocalAgent(text: string): LocalAgent | null {
  const [labelText = '', address = null, ...rest] = text.split('@');
  const labels = labelText.split(',').map(readLabel);
  const read = labels.filter((label) => label !== null);
  const isEachOnce = new Set(read.map(([name]) => name)).size === labels.length;
  if (!isEachOnce || rest.length > 0 || (address !== null && isIP(address) === 0)) return null;
  return { labels: Object.fromEntries(read), address };
}

export function showLocalAgent({ labels, address }: LocalAgent): string {
  const shown = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return `${shown.join(',')}${address === null ? '' : `@${address}`}`;
}
