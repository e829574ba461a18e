import { resolve } from 'node:path';
import { Document, isScalar, isSeq } from 'yaml';
import type { CohortExpectation, HubWeight } from '../../allocation/allocation-expectation.ts';
import type { SecretSource } from '../scenario.ts';
import { NOT_OF_A_RUN } from '../settings/setting.ts';
import { SETTING_NAMES, type SettingName, settingNamed } from '../settings/settings.ts';
import { describeOrigin, type Origin } from './origin.ts';
import { withoutReferences } from './read-scenario.ts';
import { ALLOCATION_DETAILS } from './resolve-allocation.ts';
import { unusedCertificateSettings } from './resolve-attestation.ts';
import { DERIVED_SETTINGS } from './resolve-load.ts';
import type { ResolvedScenario } from './resolve-scenario.ts';
import { EMULATOR_SETTINGS, SERVICE_SETTINGS } from './resolve-target.ts';
import { GROUPS_KEY, SCENARIO_VERSION } from './scenario-schema.ts';

/**
 * The keys of a scenario file that gives the same run from any folder, and on a machine with a different number of cores.
 * They contain no secret.
 */
export function scenarioKeys(resolved: ResolvedScenario): Record<string, unknown> {
  const document = scenarioDocument(resolved);
  for (const name of DERIVED_SETTINGS) {
    if (resolved.origins[name].source === 'default') document.deleteIn(settingNamed(name).key.split('.'));
  }
  return document.toJSON();
}

/**
 * The whole scenario as YAML, each value with the place that decided it. It contains no secret, and is itself a scenario file
 * that gives the same run from any folder.
 */
export function printScenario(resolved: ResolvedScenario): string {
  return scenarioDocument(resolved).toString({ lineWidth: 0 });
}

function scenarioDocument(resolved: ResolvedScenario): Document {
  const document = new Document({ version: SCENARIO_VERSION });
  for (const name of SETTING_NAMES) {
    if (NOT_OF_A_RUN.includes(settingNamed(name).group)) continue;
    const value = yamlValue(name, resolved);
    if (value === null) continue;
    const path = settingNamed(name).key.split('.');
    document.setIn(path, document.createNode(value));
    const node = document.getIn(path, true);
    const comment = ` ${describeSource(resolved.origins[name])}`;
    if (isScalar(node)) node.comment = comment;
    if (isSeq(node)) node.commentBefore = comment;
  }
  const { attestation } = resolved.scenario;
  if (attestation.kind === 'group-key' && Object.keys(attestation.groups).length > 0) {
    const groups = Object.entries(attestation.groups).map(([name, source]) => {
      const secondary = Object.hasOwn(attestation.secondary.groups, name) ? attestation.secondary.groups[name] : null;
      return [name, { ...sourceKeys(source, ''), ...(secondary ? sourceKeys(secondary, 'secondary') : {}) }];
    });
    document.setIn(GROUPS_KEY.split('.'), document.createNode(Object.fromEntries(groups)));
  }
  return document;
}

function describeSource(origin: Origin): string {
  return `${origin.source}: ${describeOrigin(origin)}`;
}

/** `keyFile` or `keyVariable`; with the prefix, `secondaryKeyFile` or `secondaryKeyVariable`. */
function sourceKeys(source: SecretSource, prefix: '' | 'secondary'): Readonly<Record<string, string>> {
  const key = prefix === '' ? 'key' : `${prefix}Key`;
  return source.kind === 'file'
    ? { [`${key}File`]: withoutReferences(resolve(source.file)) }
    : { [`${key}Variable`]: source.variable };
}

/** `null` = the setting is not printed. */
function yamlValue(name: SettingName, { values, scenario }: ResolvedScenario): unknown {
  const value: unknown = values[name];
  const unused = [
    ...(scenario.target.kind === 'emulator' ? SERVICE_SETTINGS : EMULATOR_SETTINGS),
    ...unusedCertificateSettings(scenario.attestation),
    ...(scenario.allocation === null ? ALLOCATION_DETAILS : []),
  ];
  if (value === null || unused.includes(name)) return null;
  const { notation } = settingNamed(name);
  if (name === 'emulator') return {};
  if (notation.kind === 'map') return textMapping(value as Readonly<Record<string, string>>);
  if (notation.kind === 'hubs') return hubMapping(value as readonly HubWeight[]);
  if (notation.kind === 'hubs-by-name') {
    const cohorts = value as readonly CohortExpectation[];
    return Object.fromEntries(cohorts.map(({ name, hubs }) => [name, hubMapping(hubs)]));
  }
  const text = notation.show(value);
  if (notation.kind === 'list' || notation.kind === 'texts')
    return text === '' ? null : text.split('\n').map(withoutReferences);
  return plain(withoutReferences(notation.kind === 'file' ? resolve(text) : text));
}

function textMapping(map: Readonly<Record<string, string>>): object | null {
  const entries = Object.entries(map).map(([name, text]) => [name, withoutReferences(text)] as const);
  return entries.length === 0 ? null : Object.fromEntries(entries);
}

function hubMapping(hubs: readonly HubWeight[]): Readonly<Record<string, number>> {
  return Object.fromEntries(hubs.map(({ hub, weight }) => [hub, weight]));
}

/** Prints numbers and booleans without quotes. */
function plain(text: string): string | number | boolean {
  if (/^(?:0|[1-9]\d{0,14})$/.test(text)) return Number(text);
  return text === 'true' || text === 'false' ? text === 'true' : text;
}
