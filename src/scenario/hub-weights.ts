import type { CohortExpectation, HubWeight } from './allocation-expectation.ts';
import { type Notation, notation } from './notation.ts';

const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;
const WEIGHT = /^\d{1,9}(?:\.\d{1,6})?$/;

const REMEDY =
  'Write one hub, a list of hubs that get equal shares, or hubs with weights: { hub-a.azure-devices.net: 2, hub-b.azure-devices.net: 1 }';

/** `hub-a=2,hub-b=1`; without weights all are 1. `null` where it is no such list, names a hub twice, or has no weight above 0. */
function parseHubWeights(text: string): readonly HubWeight[] | null {
  const hubs = text.split(',').map((part) => {
    const [, hub = '', weight = '1'] = /^\s*([^=\s]+)(?:=(\S*))?\s*$/.exec(part) ?? [];
    return HOST_NAME.test(hub) && WEIGHT.test(weight) ? { hub: hub.toLowerCase(), weight: Number(weight) } : null;
  });
  const read = hubs.filter((hub) => hub !== null);
  const isWhole = read.length === hubs.length && new Set(read.map(({ hub }) => hub)).size === read.length;
  return isWhole && read.some(({ weight }) => weight > 0) ? read : null;
}

function formatHubWeights(hubs: readonly HubWeight[]): string {
  return hubs.map(({ hub, weight }) => `${hub}=${weight}`).join(',');
}

/** Lines `name: hub-a=2,hub-b=1`. */
function parseHubsByName(text: string): readonly CohortExpectation[] | null {
  const cohorts = text.split('\n').map((line) => {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).trim();
    const hubs = parseHubWeights(line.slice(colon + 1));
    return name === '' || hubs === null ? null : { name, hubs };
  });
  const read = cohorts.filter((cohort) => cohort !== null);
  const isWhole = read.length === cohorts.length && new Set(read.map(({ name }) => name)).size === read.length;
  return isWhole ? read : null;
}

export const HUB_WEIGHTS: Notation<readonly HubWeight[]> = {
  ...notation('hub=weight,…', 'a list of hubs', REMEDY, parseHubWeights, formatHubWeights),
  kind: 'hubs',
};

export const HUBS_BY_NAME: Notation<readonly CohortExpectation[]> = {
  ...notation(
    'name: hub=weight,…',
    'a mapping of names to hubs',
    `For each name: ${REMEDY}`,
    parseHubsByName,
    (cohorts) => cohorts.map(({ name, hubs }) => `${name}: ${formatHubWeights(hubs)}`).join('\n'),
  ),
  kind: 'hubs-by-name',
};
