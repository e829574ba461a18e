import { readFile } from 'node:fs/promises';
import { intermediatesIn } from '../certificates/certificate-chain.ts';
import { symmetricKeyProblem } from '../dps/device-key.ts';
import type { CertificateFiles } from '../fleet/certificate-files.ts';
import { OperatorError, type Problem, problem, problemIn } from '../problem/operator-error.ts';
import type {
  AttestationChoice,
  CertificateSource,
  Environment,
  GroupKeySources,
  SecretSource,
} from '../scenario/scenario.ts';
import type { CertificateIssuer } from './certificate-issuer.ts';

/** Keys of enrollment groups, base64. */
export type GroupKeys = {
  /** For rows without a group and for groups that are not in `groups`; `null` = none given. */
  readonly defaultKey: string | null;
  /** By the CSV's `group` column. */
  readonly groups: Readonly<Record<string, string>>;
};

/**
 * Everything a run needs to prove its devices' identities. Checked, plain data: only worker threads and the embedded
 * emulator get it.
 */
export type AttestationKeys =
  /** Symmetric keys, base64. */
  | (GroupKeys & {
      readonly kind: 'group-key';
      /** Tried when the service rejects the primary key. */
      readonly secondary: GroupKeys;
    })
  /** Every row carries its own symmetric key. */
  | { readonly kind: 'device-key' }
  /** Every device has its own certificate and key files. */
  | { readonly kind: 'x509-files'; readonly files: CertificateFiles }
  /** Every device gets a new certificate when it is launched. */
  | (CertificateIssuer & { readonly kind: 'x509-issuer' });

type LoadedKey = { readonly key: string } | { readonly problem: Problem };

const REMEDY = 'Give the complete base64 key, as the DPS instance shows it';

/**
 * Reads the keys that a scenario names.
 *
 * @throws OperatorError `usage`, listing every missing or invalid key; no message quotes a key
 */
export async function loadAttestationKeys(
  choice: AttestationChoice,
  environment: Environment,
): Promise<AttestationKeys> {
  if (choice.kind === 'device-key') return { kind: 'device-key' };
  if (choice.kind === 'x509') return loadCertificateSource(choice.certificates);
  const problems: Problem[] = [];
  const load = async (source: SecretSource, what: string): Promise<string> => {
    const loaded = await loadKey(source, environment, what);
    if ('key' in loaded) return loaded.key;
    problems.push(loaded.problem);
    return '';
  };
  const loadAll = async ({ key, groups: sources }: GroupKeySources, rank: string): Promise<GroupKeys> => {
    const defaultKey = key === null ? null : await load(key, `the ${rank}group key`);
    const groups: [group: string, key: string][] = [];
    for (const [group, source] of Object.entries(sources)) {
      groups.push([group, await load(source, `the ${rank}key of group ${JSON.stringify(group)}`)]);
    }
    // fromEntries defines own properties, even for a group called `__proto__`.
    return { defaultKey, groups: Object.fromEntries(groups) };
  };
  const primary = await loadAll(choice, '');
  const secondary = await loadAll(choice.secondary, 'secondary ');
  if (problems.length > 0) throw new OperatorError('usage', problems);
  return { kind: 'group-key', ...primary, secondary };
}

/** Device files are read at launch; the survey of the fleet checks that they exist. */
async function loadCertificateSource(source: CertificateSource): Promise<AttestationKeys> {
  if (source.from === 'throw-away') throw new Error('a throw-away CA has no files');
  if (source.from !== 'issuer') return { kind: 'x509-files', files: source };
  // The certificate library loads slowly, and most runs do not need it.
  const { loadIssuer } = await import('./certificate-issuer.ts');
  const issuer = await loadIssuer(source.certificateFile, source.keyFile);
  return { kind: 'x509-issuer', issuer, intermediatesPem: intermediatesIn(issuer.certificatePem) };
}

/**
 * Reads one base64 symmetric key, ignoring white space around it.
 *
 * @param what for messages, for example `the group key`
 */
export async function loadKey(source: SecretSource, environment: Environment, what: string): Promise<LoadedKey> {
  if (source.kind === 'environment') {
    const { variable } = source;
    const key = environment[variable]?.trim() ?? '';
    const unset = problem(`${what} is missing: ${variable} is not set`, `Set ${variable} to the key`);
    if (key === '') return { problem: unset };
    const reason = symmetricKeyProblem(key);
    return reason === null ? { key } : { problem: problem(`${what}, from ${variable}, ${reason}`, REMEDY) };
  }
  const { file } = source;
  try {
    const key = (await readFile(file, 'utf8')).trim();
    const reason = symmetricKeyProblem(key);
    return reason === null ? { key } : { problem: problemIn(file, `${what} ${reason}`, REMEDY) };
  } catch (error) {
    const cause = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    const remedy = 'Name a readable file that contains only the key';
    return { problem: problemIn(file, `${what} cannot be read: ${cause}`, remedy) };
  }
}
