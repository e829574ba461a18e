import { isIP } from 'node:net';
import type { CohortExpectation, HubWeight } from '../../allocation/allocation-expectation.ts';
import type { ColumnMap } from '../../fleet/fleet-file.ts';
import { KNOWN_COLUMNS, type KnownColumn } from '../../fleet/known-columns.ts';
import { parseThreshold, printThreshold, ThresholdError } from '../../metrics/threshold/parse-threshold.ts';
import type { Threshold } from '../../metrics/threshold/threshold.ts';
import type { PinnedAddress } from '../../mqtt/host-addresses.ts';
import { isSecretLike } from '../../problem/quote-value.ts';
import { type Notation, notation, type Reading, TEXT } from './notation.ts';

export const ADDRESSES = notation<readonly string[]>({
  placeholder: 'addresses',
  noun: 'a list of IP addresses',
  remedy: 'Write addresses of this machine, separated by commas, for example 10.0.0.4,10.0.0.5',
  parse: (text) => {
    const addresses = text.split(',').map((address) => address.trim());
    const isList = addresses.every((address) => isIP(address) !== 0) && new Set(addresses).size === addresses.length;
    return isList ? addresses : null;
  },
  show: (addresses) => addresses.join(','),
});

/** `host:port:address`, with an IPv6 address in brackets or without. */
export const PINNED_ADDRESSES = notation<readonly PinnedAddress[]>({
  placeholder: 'host:port:address',
  noun: 'a list of HOST:PORT:ADDRESS',
  remedy: 'Write host, port and IP address, for example dps.example.net:8883:10.0.0.4; separate several by commas',
  parse: (text) => {
    const pinned = text.split(',').map(readPinnedAddress);
    return pinned.every((one) => one !== null) ? pinned : null;
  },
  show: (pinned) => pinned.map(({ host, port, address }) => `${host}:${port}:${address}`).join(','),
});

function readPinnedAddress(text: string): PinnedAddress | null {
  const [, host = '', portText = '', address = ''] = /^\s*([^:\s]+):(\d{1,5}):\[?([^\]\s]+)\]?\s*$/.exec(text) ?? [];
  const port = Number(portText);
  const isPinned = HOST_NAME.test(host) && port >= 1 && port <= 65_535 && isIP(address) !== 0;
  return isPinned ? { host: host.toLowerCase(), port, address } : null;
}

/** As text: lines `known=name`. */
export const COLUMN_MAP: Notation<ColumnMap> = {
  placeholder: 'known=name',
  kind: 'map',
  remedy: `Write one of ${KNOWN_COLUMNS.join(', ')}, then = and the column's name in the file, for example registration_id=Serial`,
  read: readColumnMap,
  show: (map) =>
    Object.entries(map)
      .map(([known, name]) => `${known}=${name}`)
      .join('\n'),
};

function readColumnMap(text: string): Reading<ColumnMap> {
  const map = new Map<KnownColumn, string>();
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=');
    const known = KNOWN_COLUMNS.find((column) => column === line.slice(0, equals));
    const name = line.slice(equals + 1);
    if (equals < 0 || known === undefined || name === '') return { problem: 'is not a known column with a name' };
    if (map.has(known)) return { problem: `names ${known} twice` };
    if ([...map.values()].includes(name)) return { problem: 'uses one column of the file twice' };
    map.set(known, name);
  }
  return { value: Object.fromEntries(map) };
}

/** Nobody reads more tables, and each takes memory for its values. */
const COLUMNS_MAX = 10;

/** As text: one name a line. */
export const COLUMN_LIST = notation<readonly string[]>({
  placeholder: 'column',
  kind: 'texts',
  noun: `a list of up to ${COLUMNS_MAX} columns, each once`,
  remedy: 'Write the name of a column as in the header of the fleet file',
  parse: (text) => {
    const names = text.split('\n');
    const isList =
      names.every((name) => name.trim() !== '' && 'value' in TEXT.read(name)) && new Set(names).size === names.length;
    return isList && names.length <= COLUMNS_MAX ? names : null;
  },
  show: (names) => names.join('\n'),
});

const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;
/** As text: names separated by commas or semicolons; in a fleet, the comma may be the delimiter. */
export const HOST_LIST = notation<readonly string[]>({
  placeholder: 'host,…',
  kind: 'hubs',
  noun: 'a list of hosts, each once',
  remedy: 'Write whole host names, separated by commas, for example hub-a.azure-devices.net,hub-b.azure-devices.net',
  parse: (text) => {
    const hosts = text.split(/[,;]/).map((host) => (HOST_NAME.test(host.trim()) ? host.trim().toLowerCase() : null));
    return allDistinct(hosts, (host) => host);
  },
  show: (hosts) => hosts.join(','),
});

const WEIGHT = /^\d{1,9}(?:\.\d{1,6})?$/;

const HUBS_REMEDY =
  'Write one hub, a list of hubs with equal shares, or hubs with weights: { hub-a.azure-devices.net: 2, hub-b.azure-devices.net: 1 }';

/** `hub-a=2,hub-b=1`; the default weight is 1. `null` when the text is not such a list, names a hub twice, or has no weight above 0. */
function parseHubWeights(text: string): readonly HubWeight[] | null {
  const hubs = text.split(',').map((part) => {
    const [, hub = '', weight = '1'] = /^\s*([^=\s]+)(?:=(\S*))?\s*$/.exec(part) ?? [];
    return HOST_NAME.test(hub) && WEIGHT.test(weight) ? { hub: hub.toLowerCase(), weight: Number(weight) } : null;
  });
  const read = allDistinct(hubs, ({ hub }) => hub);
  return read?.some(({ weight }) => weight > 0) ? read : null;
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
  return allDistinct(cohorts, ({ name }) => name);
}

/** `null` when one of `items` is `null`, or two have the same name. */
export function allDistinct<Item>(
  items: readonly (Item | null)[],
  nameOf: (item: Item) => string,
): readonly Item[] | null {
  const read = items.filter((item) => item !== null);
  return read.length === items.length && new Set(read.map(nameOf)).size === read.length ? read : null;
}

export const HUB_WEIGHTS = notation({
  placeholder: 'hub=weight,…',
  kind: 'hubs',
  noun: 'a list of hubs',
  remedy: HUBS_REMEDY,
  parse: parseHubWeights,
  show: formatHubWeights,
});

export const HUBS_BY_NAME = notation({
  placeholder: 'name: hub=weight,…',
  kind: 'hubs-by-name',
  noun: 'a mapping of names to hubs',
  remedy: `For each name: ${HUBS_REMEDY}`,
  parse: parseHubsByName,
  show: (cohorts) => cohorts.map(({ name, hubs }) => `${name}: ${formatHubWeights(hubs)}`).join('\n'),
});

/** As text: one expression a line. */
export const THRESHOLD_LIST: Notation<readonly Threshold[]> = {
  placeholder: 'expression',
  kind: 'list',
  remedy: 'See dpsload run --help for the metrics',
  read: readThresholds,
  show: (thresholds) => thresholds.map(printThreshold).join('\n'),
};

function readThresholds(text: string): Reading<readonly Threshold[]> {
  const thresholds: Threshold[] = [];
  const mistakes: ThresholdError[] = [];
  for (const line of text.split('\n')) {
    try {
      thresholds.push(parseThreshold(line));
    } catch (error) {
      if (!(error instanceof ThresholdError)) throw error;
      mistakes.push(error);
    }
  }
  const [first] = mistakes;
  if (first === undefined) return { value: thresholds };
  const problem = `is not a threshold: ${first.message}, at column ${first.column}`;
  const shown = mistakes.filter(({ expression }) => !isSecretLike(expression));
  return { problem, excerpt: shown.map(({ excerpt }) => excerpt).join('\n') };
}
