import type { AllocationExpectation } from '../allocation/allocation-expectation.ts';
import type { CertificateFiles } from '../fleet/certificate-files.ts';
import type { FleetFile } from '../fleet/fleet-file.ts';
import type { FleetRules } from '../fleet/fleet-rules.ts';
import type { OnBadRow } from '../fleet/rejected-lines.ts';
import type { LoadShape } from '../load/pace.ts';
import type { Threshold } from '../metrics/threshold/threshold.ts';
import type { Transport } from '../mqtt/service-conversations.ts';
import type { TlsChoices } from '../mqtt/tls-sockets.ts';
import type { RegistrationPolicy } from '../registration/registration-policy.ts';

export type { FleetFile };

/** What a run is aimed at; never implied. */
export type Target =
  | {
      readonly kind: 'emulator';
      readonly configFile: string | null;
      /** Where the operator gives no group key, one is made for the run. */
      readonly throwAway: boolean;
    }
  | { readonly kind: 'service'; readonly host: string; readonly port: number; readonly idScope: string };

/** Where a secret comes from; the secret itself is never part of a scenario. */
export type SecretSource =
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'environment'; readonly variable: string };

export type GroupKeySources = {
  /** For rows without a group, and for groups that `groups` does not name; `null` = there is none. */
  readonly key: SecretSource | null;
  /** By the CSV's `group` column. */
  readonly groups: Readonly<Record<string, SecretSource>>;
};

export type AttestationChoice =
  | (GroupKeySources & {
      readonly kind: 'group-key';
      /** Of the keys that are tried where the service does not accept the others. */
      readonly secondary: GroupKeySources;
    })
  /** Every row carries its own `device_key`. */
  | { readonly kind: 'device-key' }
  | { readonly kind: 'x509'; readonly certificates: CertificateSource };

/** Where the devices' certificates and keys come from. */
export type CertificateSource =
  | CertificateFiles
  /** Each device gets a new one at its launch, signed by the CA in these files. */
  | { readonly from: 'issuer'; readonly certificateFile: string; readonly keyFile: string }
  /** The same, by a CA that is made for the run. */
  | { readonly from: 'throw-away' };

/** A run, fully resolved: every value present, with its unit; no secret in it. */
export type Scenario = {
  readonly name: string | null;
  readonly target: Target;
  /** PEM file that adds to the system's roots, or with `tls.caOnly` replaces them; `null` = system roots only. */
  readonly caFile: string | null;
  readonly transport: Transport;
  readonly tls: TlsChoices;
  readonly apiVersion: string;
  readonly attestation: AttestationChoice;
  readonly fleet: FleetFile;
  readonly onBadRow: OnBadRow;
  readonly load: {
    /** Registrations in flight, over all workers. */
    readonly concurrency: number;
    readonly shape: LoadShape;
    readonly workers: number;
    /** Rows to register in this run; `null` = the whole fleet. */
    readonly rowsMax: number | null;
    /** Nothing is launched after it; `null` = until the work is done. */
    readonly durationMs: number | null;
    readonly rounds: number;
    /** Register requests that the instance grants, and the share of them that the run may use; `null` = off. */
    readonly quota: { readonly perMinute: number; readonly share: number } | null;
    /** Whether the rate yields to the service's throttling. */
    readonly governor: boolean;
    /** Devices of each group that must be assigned before the rest starts. */
    readonly canaryPerGroup: number;
    readonly outageMaxMs: number;
  };
  readonly selection: {
    /** Folder of a run: what was assigned there is left out. */
    readonly excludeRun: string | null;
    /** CSV with the only registration IDs to take. */
    readonly onlyFile: string | null;
  };
  readonly expectation: {
    /** Whether the service should know the devices already. */
    readonly devices: 'new' | 'existing' | 'any';
    /** More of the others stop the run. */
    readonly surprisesMax: number;
  };
  readonly registration: RegistrationPolicy;
  /** What the allocation policy should do; `null` = not told. The weights of `asRun` are read when the run starts. */
  readonly allocation: AllocationExpectation | null;
  /** Where the devices are, as the operator calls it; `null` = not told. */
  readonly region: string | null;
  /** List what the run leaves behind at the service. */
  readonly listsLeftBehind: boolean;
  readonly thresholds: readonly Threshold[];
  /** Judge thresholds on time also when the load generator was the limit. */
  readonly allowLimited: boolean;
  /** Of /metrics while the run goes on; 0 = any free one, `null` = none. */
  readonly metricsPort: number | null;
  /** Folder that holds one folder per run. */
  readonly out: string;
  /** Of every jitter. */
  readonly seed: number;
};

/** Environment variables by their names; one that is empty counts as not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Environment variables that hold a key themselves. */
export const GROUP_KEY_VARIABLE = 'DPSLOAD_GROUP_KEY';
export const DEVICE_KEY_VARIABLE = 'DPSLOAD_DEVICE_KEY';

export const SECRET_VARIABLES: readonly string[] = [GROUP_KEY_VARIABLE, DEVICE_KEY_VARIABLE];

/** What a run of this scenario demands of every row of its fleet. */
export function fleetRulesOf({ attestation, target }: Scenario): FleetRules {
  if (attestation.kind === 'device-key') return { keys: 'in-every-row' };
  if (attestation.kind === 'x509') {
    const { certificates } = attestation;
    return {
      keys: 'certificates',
      files: certificates.from === 'rows' || certificates.from === 'folder' ? certificates : null,
    };
  }
  const groups = Object.keys(attestation.groups);
  // The embedded emulator gets a throw-away key when the operator gives none.
  const isThrowAway = target.kind === 'emulator' && target.throwAway && groups.length === 0;
  return attestation.key !== null || isThrowAway ? { keys: 'for-every-row' } : { keys: 'of-these-groups', groups };
}
