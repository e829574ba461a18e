import { dirname } from 'node:path';
import { type AttestationKeys, loadAttestationKeys } from '../attestation/attestation-keys.ts';
import type { CertificateFiles } from '../fleet/certificate-files.ts';
import type { FleetFile } from '../fleet/fleet-file.ts';
import { certificateComplaints } from '../fleet/fleet-rules.ts';
import { OperatorError, type Problem, problem, problemIn } from '../problem/operator-error.ts';
import type { AttestationChoice, Environment, Scenario } from '../scenario/scenario.ts';
import { type FleetPin, findFleetCopy, hasDeviceKeys, legalRows } from './fleet-copy.ts';

/** What a run needs for its credentials, by name: all that an agent is told of them. */
export type SecretNames = {
  readonly attestation: AttestationChoice;
  /** Each agent needs a copy of this file, for the keys in its rows or the certificates of its devices; `null` = none is needed. */
  readonly fleet: FleetPin | null;
};

/** Where an agent looks for what a run names. */
export type SecretSources = {
  readonly environment: Environment;
  /** As `--fleet` names them. */
  readonly fleetFiles: readonly string[];
};

/** Never sent, logged or written. */
export type AgentSecrets = {
  readonly keys: AttestationKeys;
  /** The key in the fleet, by registration ID; `null` = the row has none. */
  readonly deviceKeyOf: (registrationId: string) => string | null;
};

/** @throws OperatorError `usage` for a run with keys that no agent can have */
export async function secretNames(
  { attestation, fleet, target }: Pick<Scenario, 'attestation' | 'fleet' | 'target'>,
  { digest, bytes, rejectedRows }: Omit<FleetPin, keyof FleetFile>,
): Promise<SecretNames> {
  if (isThrowAway(attestation, target)) throw new OperatorError('usage', [throwAwayProblem(attestation)]);
  const needsFleet = attestation.kind === 'x509' ? filesOf(attestation) !== null : await hasDeviceKeys(fleet);
  return { attestation, fleet: needsFleet ? { ...fleet, digest, bytes, rejectedRows } : null };
}

function isThrowAway(attestation: AttestationChoice, target: Scenario['target']): boolean {
  if (attestation.kind === 'x509') return attestation.certificates.from === 'throw-away';
  const hasNoKey =
    attestation.kind === 'group-key' && attestation.key === null && Object.keys(attestation.groups).length === 0;
  return hasNoKey && target.kind === 'emulator' && target.throwAway;
}

function throwAwayProblem({ kind }: AttestationChoice): Problem {
  if (kind === 'x509') {
    const message = 'a CA that is created for the run exists only in this process, and keys do not travel to agents';
    const remedy =
      'Create one with dpsload certs create, name it with --issuer-cert-file and --issuer-key-file, and copy both files to each agent';
    return problem(message, remedy);
  }
  const message =
    'a group key that is created for the run exists only in this process, and keys do not travel to agents';
  return problem(message, 'Set DPSLOAD_GROUP_KEY to the same key here and on each agent');
}

/**
 * Finds on this machine what a run needs for its credentials.
 *
 * @throws OperatorError `usage` with everything that is missing or wrong here; no message quotes a key
 */
export async function resolveSecrets(
  { attestation, fleet }: SecretNames,
  { environment, fleetFiles }: SecretSources,
): Promise<AgentSecrets> {
  const [keys, inFleet] = await Promise.allSettled([
    loadKeys(attestation, environment),
    fleet === null ? NOTHING_IN_FLEET : secretsInFleet(attestation, fleet, fleetFiles),
  ]);
  if (keys.status === 'fulfilled' && inFleet.status === 'fulfilled') {
    const { deviceKeys, files } = inFleet.value;
    return {
      keys: files === null ? keys.value : { kind: 'x509-files', files },
      deviceKeyOf: (registrationId) => deviceKeys.get(registrationId) ?? null,
    };
  }
  const problems = [keys, inFleet].flatMap((result) => {
    if (result.status === 'fulfilled') return [];
    if (!(result.reason instanceof OperatorError)) throw result.reason;
    return result.reason.problems;
  });
  throw new OperatorError('usage', problems);
}

async function loadKeys(attestation: AttestationChoice, environment: Environment): Promise<AttestationKeys> {
  // Refused by the coordinator, but whoever can write to Redis can ask for it.
  if (attestation.kind === 'x509' && attestation.certificates.from === 'throw-away') {
    throw new OperatorError('usage', [throwAwayProblem(attestation)]);
  }
  return await loadAttestationKeys(attestation, environment);
}

/** Where the run's devices have their certificates; `null` = they have none of their own. */
function filesOf(attestation: AttestationChoice): CertificateFiles | null {
  if (attestation.kind !== 'x509') return null;
  const { certificates } = attestation;
  return certificates.from === 'rows' || certificates.from === 'folder' ? certificates : null;
}

type SecretsInFleet = {
  /** By registration ID, since only the coordinator knows which rows the run leaves out. */
  readonly deviceKeys: ReadonlyMap<string, string>;
  /** `null` = the devices have no files of their own. */
  readonly files: CertificateFiles | null;
};

const NOTHING_IN_FLEET: SecretsInFleet = { deviceKeys: new Map(), files: null };

async function secretsInFleet(
  attestation: AttestationChoice,
  pin: FleetPin,
  fleetFiles: readonly string[],
): Promise<SecretsInFleet> {
  const copy = await findFleetCopy(pin, fleetFiles);
  const named = filesOf(attestation);
  if (named !== null) {
    const files: CertificateFiles = named.from === 'rows' ? { from: 'rows', folder: dirname(copy.file) } : named;
    await refuseMissingCertificates(copy, pin, files);
    return { ...NOTHING_IN_FLEET, files };
  }
  const deviceKeys = new Map<string, string>();
  for await (const { registrationId, deviceKey } of legalRows(copy, pin)) {
    if (deviceKey !== null) deviceKeys.set(registrationId, deviceKey);
  }
  return { deviceKeys, files: null };
}

/** Thousands of files may be missing for one cause: the first stands for all. Rows that the run leaves out may lack theirs. */
async function refuseMissingCertificates(copy: FleetFile, pin: FleetPin, files: CertificateFiles): Promise<void> {
  let rows = 0;
  let first: Problem | null = null;
  for await (const row of legalRows(copy, pin)) {
    const [complaint] = certificateComplaints(row, files);
    if (complaint === undefined) continue;
    rows += 1;
    first ??= problemIn(copy.file, complaint.message, complaint.remedy);
  }
  if (first === null || rows <= pin.rejectedRows) return;
  const message = `${rows.toLocaleString('en-US')} rows have no usable certificate and key here; the first: ${first.message}`;
  throw new OperatorError('usage', [{ ...first, message }]);
}

/** What an agent lacks, one problem for each cause, under its name. */
export function problemsOfAgent(agent: string, problems: readonly Problem[]): readonly Problem[] {
  return problems.map((one) => {
    const place = one.file === null ? '' : `${one.file}: `;
    return problem(`agent ${agent}: ${place}${one.message}`, one.remedy);
  });
}
