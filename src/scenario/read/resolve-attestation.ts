import { dirname } from 'node:path';
import { type Problem, problem } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import {
  type AttestationChoice,
  type CertificateSource,
  type Environment,
  GROUP_KEY_VARIABLE,
  type SecretSource,
  type Target,
} from '../scenario.ts';
import { type SettingName, variableOf } from '../settings/settings.ts';
import { type GatheredSettings, givenOrigins, listGiven, readGiven } from './gather-settings.ts';
import { describeOrigin, type Origin, originOf, problemAt, SOURCES } from './origin.ts';
import type { GivenGroup } from './read-scenario.ts';

/** The settings that say where a key for all rows is. */
type KeySettings = {
  readonly file: 'groupKeyFile' | 'secondaryKeyFile';
  readonly variable: 'groupKeyVariable' | 'secondaryKeyVariable';
  /** Where it is when no setting says so; `null` = nowhere. */
  readonly impliedVariable: string | null;
  readonly noun: string;
};

const PRIMARY: KeySettings = {
  file: 'groupKeyFile',
  variable: 'groupKeyVariable',
  impliedVariable: GROUP_KEY_VARIABLE,
  noun: 'group keys',
};

const SECONDARY: KeySettings = {
  file: 'secondaryKeyFile',
  variable: 'secondaryKeyVariable',
  impliedVariable: null,
  noun: 'secondary group keys',
};

const KEY_SETTINGS: readonly SettingName[] = [PRIMARY, SECONDARY].flatMap(({ file, variable }) => [file, variable]);

const KEY_REMEDY = `Set ${GROUP_KEY_VARIABLE}, or give --group-key-file FILE, or name the keys in attestation.groups of a scenario; with keys in the CSV use --attestation device-key`;

export type ResolvedAttestation = {
  readonly attestation: AttestationChoice;
  /** Of the keys for all rows; `null` where there is none. */
  readonly keyOrigins: { readonly primary: Origin | null; readonly secondary: Origin | null };
};

const NO_KEYS: ResolvedAttestation['keyOrigins'] = { primary: null, secondary: null };

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
    return {
      attestation: { kind: 'x509', certificates: resolveCertificates(settings, problems) },
      keyOrigins: NO_KEYS,
    };
  }
  complainOfUselessCertificates(settings, problems);
  if (settings.values.attestation === 'device-key') {
    complainOfUselessKeys(settings, groups, problems);
    return { attestation: { kind: 'device-key' }, keyOrigins: NO_KEYS };
  }
  const choice = keyForAll(PRIMARY, settings, environment, problems);
  const secondary = keyForAll(SECONDARY, settings, environment, problems);
  const isKeyGiven = choice !== null || groups.size > 0 || givenOrigins(settings.origins, KEY_SETTINGS).length > 0;
  if (!isKeyGiven && target !== null) problems.push(...missingKey(target));
  if (secondary !== null && choice === null) {
    const message = `${describeOrigin(secondary.origin)} names a secondary key, and there is no primary one`;
    problems.push(problemAt(secondary.origin, message, KEY_REMEDY));
  }
  const sources = (which: 'primary' | 'secondary') =>
    Object.fromEntries(
      [...groups].flatMap(([name, group]) => {
        const source = groupSource(name, group, which, environment, problems);
        return source === null ? [] : [[name, source] as const];
      }),
    );
  const attestation: AttestationChoice = {
    kind: 'group-key',
    key: choice?.source ?? null,
    groups: sources('primary'),
    secondary: { key: secondary?.source ?? null, groups: sources('secondary') },
  };
  return { attestation, keyOrigins: { primary: choice?.origin ?? null, secondary: secondary?.origin ?? null } };
}

/** Only an emulator without a configuration of its own makes do with a key that is made for the run. */
function missingKey(target: Target): readonly Problem[] {
  if (target.kind === 'service') return [problem('there is no key', KEY_REMEDY)];
  if (target.throwAway) return [];
  const remedy = `Set ${GROUP_KEY_VARIABLE} to the key, or have one made for the run: ${variableOf('throwAway')}=true, or target.emulator.throwAway: true in a scenario; with keys in the CSV use --attestation device-key`;
  return [problem('there is no key for the enrollments of the emulator configuration', remedy)];
}

type KeyChoice = { readonly source: SecretSource; readonly origin: Origin };

/** The strongest source wins, as for every setting; two of the same strength are two keys. */
function keyForAll(
  names: KeySettings,
  { values, origins }: GatheredSettings,
  environment: Environment,
  problems: Problem[],
): KeyChoice | null {
  const [file, variable] = [values[names.file], values[names.variable]];
  const choices: KeyChoice[] = [];
  if (file !== null) choices.push({ source: { kind: 'file', file }, origin: origins[names.file] });
  if (variable !== null) {
    const origin = origins[names.variable];
    checkVariable(variable, origin, environment, problems);
    choices.push({ source: { kind: 'environment', variable }, origin });
  }
  const { impliedVariable } = names;
  if (impliedVariable !== null && isSet(environment, impliedVariable)) {
    const origin = originOf('environment', impliedVariable);
    choices.push({ source: { kind: 'environment', variable: impliedVariable }, origin });
  }
  const strength = ({ origin }: KeyChoice): number => SOURCES.indexOf(origin.source);
  const strengthMax = Math.max(...choices.map(strength));
  const [strongest, rival] = choices.filter((choice) => strength(choice) === strengthMax);
  if (strongest !== undefined && rival !== undefined) {
    const message = `two ${names.noun}: ${describeOrigin(strongest.origin)} and ${describeOrigin(rival.origin)}`;
    problems.push(problemAt(rival.origin, message, 'Remove one of them'));
  }
  return strongest ?? null;
}

function groupSource(
  name: string,
  group: GivenGroup,
  which: 'primary' | 'secondary',
  environment: Environment,
  problems: Problem[],
): SecretSource | null {
  const { origin } = group;
  const [keyFile, keyVariable, keys] =
    which === 'primary'
      ? [group.keyFile, group.keyVariable, 'keyFile or keyVariable']
      : [group.secondaryKeyFile, group.secondaryKeyVariable, 'secondaryKeyFile or secondaryKeyVariable'];
  if (which === 'secondary' && keyFile === null && keyVariable === null) return null;
  if ((keyFile === null) === (keyVariable === null)) {
    const amount = keyFile === null ? 'no key' : `two ${which === 'primary' ? '' : 'secondary '}keys`;
    const message = `the enrollment group ${quoteValue(name)} has ${amount}`;
    problems.push(problemAt(origin, message, `Give it either ${keys}`));
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

const FOLDER_SETTINGS: readonly SettingName[] = ['certDir', 'certPattern', 'keyPattern'];
const ISSUER_SETTINGS: readonly SettingName[] = ['issuerCertFile', 'issuerKeyFile'];

const CERTIFICATE_SETTINGS: readonly SettingName[] = [...FOLDER_SETTINGS, ...ISSUER_SETTINGS];

/** Settings of certificates that mean nothing with this attestation. */
export function foreignCertificateSettings(attestation: AttestationChoice): readonly SettingName[] {
  if (attestation.kind !== 'x509' || ['rows', 'throw-away'].includes(attestation.certificates.from))
    return CERTIFICATE_SETTINGS;
  return attestation.certificates.from === 'folder' ? ISSUER_SETTINGS : FOLDER_SETTINGS;
}

/** Where each device's certificate comes from: a folder, an issuer, or else the columns of the CSV. */
export function resolveCertificates(settings: GatheredSettings, problems: Problem[]): CertificateSource {
  const { values, origins } = settings;
  const [ofFolder, ofIssuer] = [FOLDER_SETTINGS, ISSUER_SETTINGS].map((names) => givenOrigins(origins, names));
  if (ofFolder?.length && ofIssuer?.length) {
    const message = `two sources of certificates: ${listGiven(origins, FOLDER_SETTINGS)} and ${listGiven(origins, ISSUER_SETTINGS)}`;
    problems.push(problem(message, 'Remove one of them'));
  }
  if (ofIssuer?.length) return issuerSource(settings, problems);
  const { certDir: folder, certPattern, keyPattern } = values;
  if (folder !== null) {
    return { from: 'folder', folder, certificatePattern: certPattern ?? '', keyPattern: keyPattern ?? '' };
  }
  if (values.throwAway) return { from: 'throw-away' };
  if (ofFolder?.length) {
    const message = `${listGiven(origins, FOLDER_SETTINGS)}: a pattern names files in a folder, and none is given`;
    problems.push(problem(message, 'Add --cert-dir DIR'));
  }
  return { from: 'rows', folder: dirname(values.fleet ?? '') };
}

function issuerSource({ values, origins }: GatheredSettings, problems: Problem[]): CertificateSource {
  const { issuerCertFile: certificateFile, issuerKeyFile: keyFile } = values;
  if (certificateFile === null || keyFile === null) {
    const message = `${listGiven(origins, ISSUER_SETTINGS)}: an issuer needs both its certificate and its key`;
    problems.push(problem(message, 'Give --issuer-cert-file FILE and --issuer-key-file FILE'));
  }
  return { from: 'issuer', certificateFile: certificateFile ?? '', keyFile: keyFile ?? '' };
}

/** Certificates with an attestation of another kind are a mistake, not a wish. */
export function complainOfUselessCertificates({ values, origins }: GatheredSettings, problems: Problem[]): void {
  const given = givenOrigins(origins, CERTIFICATE_SETTINGS);
  const [first] = given;
  if (first === undefined) return;
  const message = `${given.map(describeOrigin).join(', ')}: a certificate has no use with attestation ${values.attestation}`;
  problems.push(problemAt(first, message, 'Use --attestation x509, or remove it'));
}
