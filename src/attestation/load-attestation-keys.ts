import { readFile } from 'node:fs/promises';
import { intermediatesIn } from '../certificates/certificate-chain.ts';
import { symmetricKeyProblem } from '../dps/device-key.ts';
import { OperatorError, type Problem, problem, problemIn } from '../problem/operator-error.ts';
import type {
  AttestationChoice,
  CertificateSource,
  Environment,
  GroupKeySources,
  SecretSource,
} from '../scenario/scenario.ts';
import type { AttestationKeys, GroupKeys } from './attestation-keys.ts';

type LoadedKey = { readonly key: string } | { readonly problem: Problem };

const REMEDY = 'Give the whole key as the DPS instance shows it, in base64';

/**
 * Reads the keys that a scenario names.
 *
 * @throws OperatorError `usage`, with every key that is missing or no key; no message quotes one
 */
export async function loadAttestationKeys(
  choice: AttestationChoice,
  environment: Environment,
): Promise<AttestationKeys> {
  if (choice.kind === 'device-key') return { kind: 'device-key' };
  if (choice.kind === 'x509') return loadCertificateSource(choice.certificates);
  const problems: Problem[] = [];
  const take = async (source: SecretSource, what: string): Promise<string> => {
    const loaded = await loadKey(source, environment, what);
    if ('key' in loaded) return loaded.key;
    problems.push(loaded.problem);
    return '';
  };
  const takeAll = async ({ key, groups: sources }: GroupKeySources, rank: string): Promise<GroupKeys> => {
    const defaultKey = key === null ? null : await take(key, `the ${rank}group key`);
    const groups: [group: string, key: string][] = [];
    for (const [group, source] of Object.entries(sources)) {
      groups.push([group, await take(source, `the ${rank}key of group ${JSON.stringify(group)}`)]);
    }
    // fromEntries defines own properties: also a group called `__proto__` is one.
    return { defaultKey, groups: Object.fromEntries(groups) };
  };
  const primary = await takeAll(choice, '');
  const secondary = await takeAll(choice.secondary, 'secondary ');
  if (problems.length > 0) throw new OperatorError('usage', problems);
  return { kind: 'group-key', ...primary, secondary };
}

/** Files of devices are read at their launch; that they are there is for the survey to see. */
async function loadCertificateSource(source: CertificateSource): Promise<AttestationKeys> {
  if (source.from === 'throw-away') throw new Error('a throw-away CA has no files');
  if (source.from !== 'issuer') return { kind: 'x509-files', files: source };
  // The library that makes certificates takes its time to load, and most runs make none.
  const { loadIssuer } = await import('./load-issuer.ts');
  const issuer = await loadIssuer(source.certificateFile, source.keyFile);
  return { kind: 'x509-issuer', issuer, intermediatesPem: intermediatesIn(issuer.certificatePem) };
}

/**
 * Reads one symmetric key, base64; white space around it does not count.
 *
 * @param what for messages, for example `the group key`
 */
export async function loadKey(source: SecretSource, environment: Environment, what: string): Promise<LoadedKey> {
  if (source.kind === 'environment') return keyOfVariable(source.variable, environment, what);
  const { file } = source;
  try {
    const key = (await readFile(file, 'utf8')).trim();
    const reason = symmetricKeyProblem(key);
    return reason === null ? { key } : { problem: inFile(file, `${what} ${reason}`, REMEDY) };
  } catch (error) {
    const cause = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    return {
      problem: inFile(file, `${what} cannot be read: ${cause}`, 'Name a readable file that holds the key alone'),
    };
  }
}

function keyOfVariable(variable: string, environment: Environment, what: string): LoadedKey {
  const key = environment[variable]?.trim() ?? '';
  if (key === '')
    return { problem: problem(`${what} is missing: ${variable} is not set`, `Set ${variable} to the key`) };
  const reason = symmetricKeyProblem(key);
  return reason === null ? { key } : { problem: problem(`${what}, from ${variable}, ${reason}`, REMEDY) };
}

function inFile(file: string, message: string, remedy: string): Problem {
  return problemIn(file, message, remedy);
}
