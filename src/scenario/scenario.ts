import type { AllocationExpectation } from '../allocation/allocation-expectation.ts';
import type { CsvProgram } from '../files/csv-line.ts';
import type { CertificateFiles } from '../fleet/certificate-files.ts';
import type { FleetFile } from '../fleet/fleet-file.ts';
import type { FleetRules } from '../fleet/fleet-rules.ts';
import type { PinBy } from '../fleet/pin-column.ts';
import type { RowHandling } from '../fleet/survey-fleet.ts';
import type { HubCapacity } from '../load/capacity.ts';
import type { OnOutage } from '../load/outage-watch.ts';
import type { LoadShape } from '../load/pace.ts';
import type { Threshold } from '../metrics/threshold/threshold.ts';
import type { MqttClientName, Transport } from '../mqtt/connection-settings.ts';
import type { PinnedAddress } from '../mqtt/host-addresses.ts';
import type { TlsChoices } from '../mqtt/tls-sockets.ts';
import type { RegistrationPolicy } from '../registration/registration-policy.ts';

/** The target of a run; never implied. */
export type Target =
  | {
      readonly kind: 'emulator';
      readonly configFile: string | null;
      /** Whether a group key is created for the run when the operator gives none. */
      readonly throwAway: boolean;
    }
  | { readonly kind: 'service'; readonly host: string; readonly port: number; readonly idScope: string };

/** Where a secret comes from; the secret itself is never part of a scenario. */
export type SecretSource =
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'environment'; readonly variable: string };

export type GroupKeySources = {
  /** For rows without a group, and for groups that `groups` does not name; `null` = no such key. */
  readonly key: SecretSource | null;
  /** By the value of the CSV's `group` column. */
  readonly groups: Readonly<Record<string, SecretSource>>;
};

export type AttestationChoice =
  | (GroupKeySources & {
      readonly kind: 'group-key';
      /** Keys to try when the service rejects the others. */
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
  /** Likewise, by a CA that is created for the run. */
  | { readonly from: 'throw-away' };

/** An agent that a run starts for itself, on its own machine. */
export type LocalAgent = {
  readonly labels: Readonly<Record<string, string>>;
  /** Source address of its devices; `null` = as for any other run. */
  readonly address: string | null;
};

/** The agents that host a run's workers. */
export type AgentChoice = {
  readonly count: number;
  /** Those that the run starts; `null` = they are there, and meet it over Redis. */
  readonly local: readonly LocalAgent[] | null;
  /** How long to wait for them at the start, and for `min` of them later. */
  readonly withinMs: number;
  /** Fewer cannot go on. */
  readonly min: number;
  /** Over all agents; `null` = as many as they have slots. */
  readonly workers: number | null;
  /** `null` = any agent may register any row. */
  readonly pinBy: PinBy | null;
};

/** A fully resolved run: every value is present, with its unit; it contains no secret. */
export type Scenario = RowHandling & {
  readonly name: string | null;
  /** The operator's notes about the run, by name. */
  readonly notes: Readonly<Record<string, string>>;
  readonly target: Target;
  /** PEM file that extends the system roots, or replaces them with `tls.caOnly`; `null` = system roots only. */
  readonly caFile: string | null;
  readonly transport: Transport;
  readonly mqttClient: MqttClientName;
  readonly tls: TlsChoices;
  readonly nameResolution: {
    /** How long addresses are used before they are looked up again; `null` = look up for each connection. */
    readonly cacheMs: number | null;
    readonly pinned: readonly PinnedAddress[];
  };
  readonly apiVersion: string;
  readonly attestation: AttestationChoice;
  readonly fleet: FleetFile;
  readonly load: {
    /** Registrations in flight, over all workers. */
    readonly concurrency: number;
    readonly shape: LoadShape;
    readonly workers: number;
    /** Rows to register in this run; `null` = the whole fleet. */
    readonly rowsMax: number | null;
    /** Nothing is launched after this time; `null` = until every row is done. */
    readonly durationMs: number | null;
    readonly rounds: number;
    /** Register requests that the instance allows, and the share of them that the run may use; `null` = off. */
    readonly quota: { readonly perMinute: number; readonly share: number } | null;
    /** The linked hubs, as far as the operator names them; `null` = not known. */
    readonly hubs: readonly HubCapacity[] | null;
    /** Whether the rate drops when the service throttles. */
    readonly governor: boolean;
    /** Devices of each group that must be assigned before the rest starts. */
    readonly canaryPerGroup: number;
    /** During an outage of the target: hold all devices but one, or let them behave as if they knew nothing of each other. */
    readonly onOutage: OnOutage;
    readonly outageMaxMs: number;
  };
  /** Where the workers run; `null` = as threads of this machine. */
  readonly agents: AgentChoice | null;
  readonly selection: {
    /** Folder of an earlier run, whose assigned devices are left out. */
    readonly excludeRun: string | null;
    /** CSV with the only registration IDs to register. */
    readonly onlyFile: string | null;
  };
  readonly expectation: {
    /** Whether the service should know the devices already. */
    readonly devices: 'new' | 'existing' | 'any';
    /** The run stops when more devices than this contradict the expectation. */
    readonly surprisesMax: number;
  };
  readonly registration: RegistrationPolicy;
  /** What the allocation policy should do; `null` = no expectation. The weights of `asRun` are read when the run starts. */
  readonly allocation: AllocationExpectation | null;
  /** The operator's name for where the devices are; `null` = not given. */
  readonly region: string | null;
  /** Whether to list what the run leaves behind at the service. */
  readonly listsLeftBehind: boolean;
  /** Columns of the fleet by which to show results, as the operator names them. */
  readonly breakdowns: readonly string[];
  /** For whom the CSV files of the run are written. */
  readonly csvFor: CsvProgram;
  readonly thresholds: readonly Threshold[];
  /** Whether to judge thresholds on time even if the load generator was the limit. */
  readonly allowLimited: boolean;
  /** Port of /metrics during the run; 0 = any free one, `null` = none. */
  readonly metricsPort: number | null;
  /** File that progress and notices are appended to; `null` = none. */
  readonly logFile: string | null;
  /** Folder that gets one folder for each run. */
  readonly out: string;
  /** Seed of all jitter. */
  readonly seed: number;
};

/** Environment variables by name; an empty one counts as not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Environment variables that contain a key. */
export const GROUP_KEY_VARIABLE = 'DPSLOAD_GROUP_KEY';
export const DEVICE_KEY_VARIABLE = 'DPSLOAD_DEVICE_KEY';

/** The connection string of the service API; it contains a key. */
export const SERVICE_CONNECTION_VARIABLE = 'DPSLOAD_SERVICE_CONNECTION';

/** URL of the Redis over which agents and coordinator meet; it may contain a password. */
export const REDIS_VARIABLE = 'DPSLOAD_REDIS';

export const SECRET_VARIABLES: readonly string[] = [
  GROUP_KEY_VARIABLE,
  DEVICE_KEY_VARIABLE,
  SERVICE_CONNECTION_VARIABLE,
];

/** The rules that a run of this scenario sets for every row of its fleet. */
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
  const isThrowAway = target.kind === 'emulator' && target.throwAway && groups.length === 0;
  return attestation.key !== null || isThrowAway ? { keys: 'for-every-row' } : { keys: 'of-these-groups', groups };
}
