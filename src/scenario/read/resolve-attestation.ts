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
import { type GatheredSettings, givenOrigins, isReadable, listGiven, readGiven } from './gather-settings.ts';
import { describeOrigin, type Origin, originOf, problemAt, SOURCES } from './origin.ts';
import type { GivenGroup } from './read-scenario.ts';

const PRIMARY = {
  role: 'primary',
  /** The settings that name a key for all rows. */
  file: 'groupKeyFile',
  variable: 'groupKeyVariable',
  /** Holds the key when no setting names one; `null` = no variable does. */
  impliedVariable: GROUP_KEY_VARIABLE,
  adjective: '',
  /** The keys of a group in a scenario. */
  groupKeys: 'keyFile or keyVariable',
} as const;

const SECONDARY = {
  role: 'secondary',
  file: 'secondaryKeyFile',
  variable: 'secondaryKeyVariable',
  impliedVariable: null,
  adjective: 'secondary ',
  groupKeys: 'secondaryKeyFile or secondaryKeyVariable',
} as const;

/** One of the two keys of an enrollment group: where it can be named, and what it is called. */
type KeyRole = typeof PRIMARY | typeof SECONDARY;

const KEY_SETTINGS: readonly SettingName[] = [PRIMARY, SECONDARY].flatMap(({ file, variable }) => [file, variable]);

const KEYS_IN_CSV = 'if the CSV holds the keys, use --attestation device-key';

const KEY_REMEDY = `Set ${GROUP_KEY_VARIABLE}, give --group-key-file FILE, or name the keys in attestation.groups of a scenario; ${KEYS_IN_CSV}`;

/** What the attestation depends on. */
type AttestationSources = {
  readonly settings: GatheredSettings;
  readonly groups: ReadonlyMap<string, GivenGroup>;
  readonly environment: Environment;
  readonly target: Target | null;
};

export type ResolvedAttestation = {
  readonly attestation: AttestationChoice;
  /** Origins of the keys for all rows; `null` = no such key. */
  readonly keyOrigins: { readonly primary: Origin | null; readonly secondary: Origin | null };
};

/** Decides where every key comes from; the keys themselves stay there. */
export function resolveAttestation(sources: AttestationSources, problems: Problem[]): ResolvedAttestation {
  const { settings, groups } = sources;
  const { attestation: kind } = settings.values;
  if (kind !== 'x509' && isReadable(settings, ['attestation'])) refuseCertificates(settings, problems);
  if (kind !== 'x509' && kind !== 'device-key') return resolveGroupKeys(sources, problems);
  refuseGroupKeys(settings, groups, problems);
  return {
    attestation: kind === 'x509' ? { kind, certificates: resolveCertificates(settings, problems) } : { kind },
    keyOrigins: { primary: null, secondary: null },
  };
}

function resolveGroupKeys(sources: AttestationSources, problems: Problem[]): ResolvedAttestation {
  const { settings, groups, environment, target } = sources;
  const primary = keyForAll(PRIMARY, settings, environment, problems);
  const secondary = keyForAll(SECONDARY, settings, environment, problems);
  const isKeyGiven = primary !== null || groups.size > 0 || givenOrigins(settings.origins, KEY_SETTINGS).length > 0;
  if (!isKeyGiven && target !== null && isReadable(settings, ['attestation'])) problems.push(...missingKey(target));
  if (secondary !== null && primary === null) {
    const message = `${describeOrigin(secondary.origin)} names a secondary key, but no primary key is given`;
    problems.push(problemAt(secondary.origin, message, KEY_REMEDY));
  }
  const groupSources = (role: KeyRole): Readonly<Record<string, SecretSource>> => {
    const entries = [...groups].map((group) => [group[0], groupSource(group, role, environment, problems)] as const);
    return Object.fromEntries(entries.filter((entry): entry is [string, SecretSource] => entry[1] !== null));
  };
  const attestation: AttestationChoice = {
    kind: 'group-key',
    key: primary?.source ?? null,
    groups: groupSources(PRIMARY),
    secondary: { key: secondary?.source ?? null, groups: groupSources(SECONDARY) },
  };
  return { attestation, keyOrigins: { primary: primary?.origin ?? null, secondary: secondary?.origin ?? null } };
}

/** Only an emulator without its own configuration can use a key that is created for the run. */
function missingKey(target: Target): readonly Problem[] {
  if (target.kind === 'service') return [problem('no key given', KEY_REMEDY)];
  if (target.throwAway) return [];
  const remedy = `Set ${GROUP_KEY_VARIABLE} to the key, or have one created for the run with ${variableOf('throwAway')}=true, or target.emulator.throwAway: true in a scenario; ${KEYS_IN_CSV}`;
  return [problem('no key given for the enrollments of the emulator configuration', remedy)];
}

type KeyChoice = { readonly source: SecretSource; readonly origin: Origin };

/** The strongest source wins, as for every setting; two of equal strength are a mistake. */
function keyForAll(
  { file: fileSetting, variable: variableSetting, impliedVariable, adjective }: KeyRole,
  { values, origins }: GatheredSettings,
  environment: Environment,
  problems: Problem[],
): KeyChoice | null {
  const [file, variable] = [values[fileSetting], values[variableSetting]];
  const choices: KeyChoice[] = [];
  const choose = (source: SecretSource, origin: Origin) => choices.push({ source, origin });
  if (file !== null) choose({ kind: 'file', file }, origins[fileSetting]);
  if (variable !== null) {
    checkVariable(variable, origins[variableSetting], environment, problems);
    choose({ kind: 'environment', variable }, origins[variableSetting]);
  }
  if (impliedVariable !== null && isSet(environment, impliedVariable)) {
    choose({ kind: 'environment', variable: impliedVariable }, originOf('environment', impliedVariable));
  }
  const strength = ({ origin }: KeyChoice): number => SOURCES.indexOf(origin.source);
  const strengthMax = Math.max(...choices.map(strength));
  const [strongest, rival] = choices.filter((choice) => strength(choice) === strengthMax);
  if (strongest !== undefined && rival !== undefined) {
    const message = `two ${adjective}group keys: ${describeOrigin(strongest.origin)} and ${describeOrigin(rival.origin)}`;
    problems.push(problemAt(rival.origin, message, 'Remove one of them'));
  }
  return strongest ?? null;
}

function groupSource(
  [name, group]: readonly [string, GivenGroup],
  { role, adjective, groupKeys }: KeyRole,
  environment: Environment,
  problems: Problem[],
): SecretSource | null {
  const { file, variable } = group[role];
  if (file === null && variable === null && role === 'secondary') return null;
  if ((file === null) === (variable === null)) {
    const message = `the enrollment group ${quoteValue(name)} has ${file === null ? 'no key' : `two ${adjective}keys`}`;
    problems.push(problemAt(group.origin, message, `Give it either ${groupKeys}`));
    return null;
  }
  if (file !== null) {
    const read = readGiven('groupKeyFile', file, problems);
    return read === null ? null : { kind: 'file', file: read };
  }
  const read = variable === null ? null : readGiven('groupKeyVariable', variable, problems);
  if (read === null) return null;
  checkVariable(read, variable?.origin ?? group.origin, environment, problems);
  return { kind: 'environment', variable: read };
}

function checkVariable(variable: string, origin: Origin, environment: Environment, problems: Problem[]): void {
  if (isSet(environment, variable)) return;
  const message = `${origin.name} names the environment variable ${quoteValue(variable)}, which is not set`;
  problems.push(problemAt(origin, message, 'Set it to the base64 key'));
}

function isSet(environment: Environment, variable: string): boolean {
  return (environment[variable] ?? '') !== '';
}

function refuseGroupKeys(
  { values, origins }: GatheredSettings,
  groups: ReadonlyMap<string, GivenGroup>,
  problems: Problem[],
): void {
  const given = [...givenOrigins(origins, KEY_SETTINGS), ...[...groups.values()].map(({ origin }) => origin)];
  const [first] = given;
  if (first === undefined) return;
  const message = `${given.map(describeOrigin).join(', ')}: attestation ${values.attestation} does not use group keys`;
  problems.push(problemAt(first, message, 'Remove the group key, or use --attestation group-key'));
}

const FOLDER_SETTINGS: readonly SettingName[] = ['certDir', 'certPattern', 'keyPattern'];
const ISSUER_SETTINGS: readonly SettingName[] = ['issuerCertFile', 'issuerKeyFile'];

const CERTIFICATE_SETTINGS: readonly SettingName[] = [...FOLDER_SETTINGS, ...ISSUER_SETTINGS];

/** The certificate settings that have no meaning for this attestation. */
export function unusedCertificateSettings(attestation: AttestationChoice): readonly SettingName[] {
  const from = attestation.kind === 'x509' ? attestation.certificates.from : null;
  if (from === 'folder') return ISSUER_SETTINGS;
  return from === 'issuer' ? FOLDER_SETTINGS : CERTIFICATE_SETTINGS;
}

/** Where each device's certificate comes from: a folder, an issuer, or else the columns of the CSV. */
function resolveCertificates(settings: GatheredSettings, problems: Problem[]): CertificateSource {
  const { values, origins } = settings;
  const ofFolder = listGiven(origins, FOLDER_SETTINGS);
  const ofIssuer = listGiven(origins, ISSUER_SETTINGS);
  if (ofFolder !== '' && ofIssuer !== '') {
    problems.push(problem(`two sources of certificates: ${ofFolder} and ${ofIssuer}`, 'Remove one of them'));
  }
  const { certDir: folder, certPattern, keyPattern, issuerCertFile, issuerKeyFile } = values;
  if (ofIssuer !== '') {
    if (issuerCertFile === null || issuerKeyFile === null) {
      const message = `${ofIssuer}: an issuer needs both its certificate and its key`;
      problems.push(problem(message, 'Give --issuer-cert-file FILE and --issuer-key-file FILE'));
    }
    return { from: 'issuer', certificateFile: issuerCertFile ?? '', keyFile: issuerKeyFile ?? '' };
  }
  if (folder !== null) {
    return { from: 'folder', folder, certificatePattern: certPattern ?? '', keyPattern: keyPattern ?? '' };
  }
  if (values.throwAway) return { from: 'throw-away' };
  if (ofFolder !== '') {
    problems.push(problem(`${ofFolder}: a file name pattern needs a folder`, 'Add --cert-dir DIR'));
  }
  return { from: 'rows', folder: dirname(values.fleet ?? '') };
}

function refuseCertificates({ values, origins }: GatheredSettings, problems: Problem[]): void {
  const [first] = givenOrigins(origins, CERTIFICATE_SETTINGS);
  if (first === undefined) return;
  const given = listGiven(origins, CERTIFICATE_SETTINGS);
  const message = `${given}: attestation ${values.attestation} does not use certificates`;
  problems.push(problemAt(first, message, 'Use --attestation x509, or remove it'));
}
