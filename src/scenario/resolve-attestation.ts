import { type Problem, problem } from '../problem/operator-error.ts';
import { quoteValue } from '../problem/quote-value.ts';
import type { Environment } from './environment.ts';
import { type GatheredSettings, givenOrigins, readGiven } from './gather-settings.ts';
import { describeOrigin, type Origin, originOf, problemAt, SOURCES } from './origin.ts';
import type { GivenGroup } from './read-scenario.ts';
import { complainOfUselessCertificates, resolveCertificates } from './resolve-certificates.ts';
import type { AttestationChoice, SecretSource, Target } from './scenario.ts';
import { GROUP_KEY_VARIABLE } from './secret-variable.ts';
import type { SettingName } from './settings.ts';

const KEY_SETTINGS: readonly SettingName[] = ['groupKeyFile', 'groupKeyVariable'];

const KEY_REMEDY = `Set ${GROUP_KEY_VARIABLE}, or give --group-key-file FILE, or name the keys in attestation.groups of a scenario; with keys in the CSV use --attestation device-key`;

export type ResolvedAttestation = {
  readonly attestation: AttestationChoice;
  /** Of the key for all rows; `null` where there is none. */
  readonly keyOrigin: Origin | null;
};

/** Where every key comes from; the keys themselves stay where they are. */
export function resolveAttestation(
  settings: GatheredSettings,
  groups: ReadonlyMap<string, GivenGroup>,
  environment: Environment,
  target: Target | null,
  problems: Problem[],
): ResolvedAttestation {
  if (settings.values.attestation === 'x509') {
    complainOfUselessKeys(settings, groups, problems);
    return { attestation: { kind: 'x509', certificates: resolveCertificates(settings, problems) }, keyOrigin: null };
  }
  complainOfUselessCertificates(settings, problems);
  if (settings.values.attestation === 'device-key') {
    complainOfUselessKeys(settings, groups, problems);
    return { attestation: { kind: 'device-key' }, keyOrigin: null };
  }
  const sources = [...groups].flatMap(([name, group]) => {
    const source = groupSource(name, group, environment, problems);
    return source === null ? [] : [[name, source] as const];
  });
  const choice = keyForAll(settings, environment, problems);
  const isKeyGiven = choice !== null || groups.size > 0 || givenOrigins(settings.origins, KEY_SETTINGS).length > 0;
  if (!isKeyGiven && target?.kind === 'service') {
    problems.push(problem('there is no key', KEY_REMEDY));
  }
  const attestation: AttestationChoice = {
    kind: 'group-key',
    key: choice?.source ?? null,
    groups: Object.fromEntries(sources),
  };
  return { attestation, keyOrigin: choice?.origin ?? null };
}

type KeyChoice = { readonly source: SecretSource; readonly origin: Origin };

/** The strongest source wins, as for every setting; two of the same strength are two keys. */
function keyForAll(settings: GatheredSettings, environment: Environment, problems: Problem[]): KeyChoice | null {
  const { groupKeyFile: file, groupKeyVariable: variable } = settings.values;
  const choices: KeyChoice[] = [];
  if (file !== null) choices.push({ source: { kind: 'file', file }, origin: settings.origins.groupKeyFile });
  if (variable !== null) {
    const origin = settings.origins.groupKeyVariable;
    checkVariable(variable, origin, environment, problems);
    choices.push({ source: { kind: 'environment', variable }, origin });
  }
  if (isSet(environment, GROUP_KEY_VARIABLE)) {
    const origin = originOf('environment', GROUP_KEY_VARIABLE);
    choices.push({ source: { kind: 'environment', variable: GROUP_KEY_VARIABLE }, origin });
  }
  const strength = ({ origin }: KeyChoice): number => SOURCES.indexOf(origin.source);
  const strengthMax = Math.max(...choices.map(strength));
  const [strongest, rival] = choices.filter((choice) => strength(choice) === strengthMax);
  if (strongest !== undefined && rival !== undefined) {
    const message = `two group keys: ${describeOrigin(strongest.origin)} and ${describeOrigin(rival.origin)}`;
    problems.push(problemAt(rival.origin, message, 'Remove one of them'));
  }
  return strongest ?? null;
}

function groupSource(
  name: string,
  { keyFile, keyVariable, origin }: GivenGroup,
  environment: Environment,
  problems: Problem[],
): SecretSource | null {
  if ((keyFile === null) === (keyVariable === null)) {
    const message = `the enrollment group ${quoteValue(name)} has ${keyFile === null ? 'no key' : 'two keys'}`;
    problems.push(problemAt(origin, message, 'Give it either keyFile or keyVariable'));
    return null;
  }
  if (keyFile !== null) {
    const file = readGiven('groupKeyFile', keyFile, problems);
    return file === null ? null : { kind: 'file', file };
  }
  const variable = keyVariable === null ? null : readGiven('groupKeyVariable', keyVariable, problems);
  if (variable === null) return null;
  checkVariable(variable, keyVariable?.origin ?? origin, environment, problems);
  return { kind: 'environment', variable };
}

function checkVariable(variable: string, origin: Origin, environment: Environment, problems: Problem[]): void {
  if (isSet(environment, variable)) return;
  const message = `${origin.name} names the environment variable ${quoteValue(variable)}, which is not set`;
  problems.push(problemAt(origin, message, 'Set it to the base64 key'));
}

function isSet(environment: Environment, variable: string): boolean {
  return (environment[variable] ?? '') !== '';
}

function complainOfUselessKeys(
  { values, origins }: GatheredSettings,
  groups: ReadonlyMap<string, GivenGroup>,
  problems: Problem[],
): void {
  const given = [...givenOrigins(origins, KEY_SETTINGS), ...[...groups.values()].map((group) => group.origin)];
  const [first] = given;
  if (first === undefined) return;
  const message = `${given.map(describeOrigin).join(', ')}: a group key has no use with attestation ${values.attestation}`;
  problems.push(problemAt(first, message, 'Remove the group key, or use --attestation group-key'));
}
