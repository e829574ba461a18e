import type { SignatureHash } from '../certificates/key-algorithm.ts';
import type { ServerKeys } from '../certificates/server-identity.ts';
import type { EmulatorConfig } from './config/read-emulator-config.ts';
import type { ConversationLimits } from './conversation/kept-conversations.ts';
import type { DeviceView } from './observed-devices.ts';
import type { EmulatorChanges } from './running-config.ts';
import type { LinkedHubs } from './server/emulated-hubs.ts';
import type { SessionLimits } from './server/packet-stream.ts';
import type { DpsInstance } from './service/dps-instance.ts';
import type { FaultRecord } from './service/fault-plan.ts';
import type { FaultRule } from './service/fault-rule.ts';
import type { RecordLine } from './service/registration-record.ts';
import type { ServiceBehavior } from './service/service-behavior.ts';
import type { ServiceCounters } from './service/service-counters.ts';

export type EmulatorOptions = {
  readonly instances: readonly DpsInstance[];
  /** Where devices connect. Default: loopback. */
  readonly host?: string;
  /**
   * Further host names and IP addresses of this machine: the server certificate covers them, loopback and `host`, and requests for
   * records may name them.
   */
  readonly serverNames?: readonly string[];
  /** MQTT over TLS; 0 or absent = any free port. */
  readonly port?: number;
  /** MQTT over WebSocket over TLS; 0 = any free port, absent or `null` = not offered. */
  readonly websocketPort?: number | null;
  /**
   * The linked hubs of all instances, MQTT over TLS; 0 = any free port, absent or `null` = not offered. Devices name their hub in
   * the user name, and the server certificate covers the names of all hubs.
   */
  readonly hubPort?: number | null;
  /** The service API over HTTPS, at `host`; 0 = any free port, absent or `null` = not offered. */
  readonly servicePort?: number | null;
  /** Base64 key of the policy `provisioningserviceowner`, which instances without policies of their own have. Default: a new one. */
  readonly serviceOwnerKey?: string;
  /** Health, records and control over plain HTTP; 0 = any free port, absent or `null` = not offered. */
  readonly httpPort?: number | null;
  /** Where that is: anyone who can connect may read, and programs on this machine may write. Default: loopback, whatever `host` is. */
  readonly httpHost?: string;
  /**
   * Folder of CA, intermediate and server certificates, which are created if missing. Default: a folder that `close` removes;
   * all such emulators of a process share a CA.
   */
  readonly caDir?: string;
  /** Certificates of the server. Default: `both`. With `ecdsa`, the first emulator starts faster: RSA keys take a while to make. */
  readonly serverKeys?: ServerKeys;
  /** Of the signatures on new certificates; replaces stored ones with another. Default: SHA-256, and what is stored stays. */
  readonly serverHash?: SignatureHash | null;
  /** Defaults: `SERVICE_BEHAVIOR_DEFAULT`. */
  readonly behavior?: Partial<ServiceBehavior>;
  /** For each request, the first rule that strikes counts. Default: none. */
  readonly faults?: readonly FaultRule[];
  /** For faults with a share. Default: 1. */
  readonly seed?: number;
  /**
   * Keeps registration records, operations, enrollments and, with a `hubPort`, identities and twins over restarts: an answer is given
   * only once what it says is on disk. Holds keys. Created if missing. Default: nothing is kept.
   */
  readonly stateFile?: string | null;
  /** Defaults: `SESSION_LIMITS_DEFAULT`. */
  readonly limits?: Partial<SessionLimits>;
  /** How much is kept of what devices do; `null` = nothing. Defaults: `CONVERSATION_LIMITS_DEFAULT`. */
  readonly conversations?: Partial<ConversationLimits> | null;
  /** Gets one line per refused or faulted request or connection. */
  readonly log?: (line: string) => void;
};

/** A running emulator. */
export type Emulator = DeviceView & {
  readonly host: string;
  readonly port: number;
  /** `null` = not offered. */
  readonly websocketPort: number | null;
  readonly hubPort: number | null;
  readonly servicePort: number | null;
  /** Of the first instance of `config`, for its first policy: a secret. `null` = the service API is not offered. */
  readonly serviceConnectionString: string | null;
  readonly httpPort: number | null;
  /** What it emulates now. */
  readonly config: EmulatorConfig;
  /** ID scope of the first instance of `config`. */
  readonly idScope: string;
  /** IDs of the groups of all instances of `config`. */
  readonly enrollmentGroups: readonly string[];
  /** PEM file with the CA that clients must trust, and its text. */
  readonly caFile: string;
  readonly caPem: string;
  /** Registration records, by instance. */
  records(): Iterable<RecordLine>;
  /** The latest injected faults, in order, up to 100,000; `counters` has the number of all. */
  readonly faultRecords: readonly FaultRecord[];
  readonly counters: ServiceCounters;
  /** Devices, twins and counters of the linked hubs. Without a `hubPort`, they stay empty. */
  readonly hubs: LinkedHubs;
  /** Number of open MQTT connections to the service. */
  openConnections(): number;
  /**
   * Changes the configuration from the next request on; records, operations and connections stay. An instance that is left out lets
   * nobody in. Times of the faults count from their last change. Returns what has changed, a line for each kind; the log has it too.
   *
   * @throws OperatorError when a key is none or a webhook cannot be started; then nothing has changed.
   */
  update(changes: EmulatorChanges): Promise<readonly string[]>;
  /**
   * Forgets records, operations, the devices of the hubs, counters and injected faults, begins budgets and the times of the faults anew, and
   * puts enrollments back
   * to `config`. Connections stay.
   */
  reset(): void;
  /**
   * Puts the service's time forward: operations expire, budgets fill, webhooks time out, and what is due meanwhile happens in its order.
   * The timeouts of connections, and the validity of tokens and certificates, go by the real time.
   */
  advance(durationMs: number): void;
  /** @throws OperatorError when the state could not be kept. */
  close(): Promise<void>;
};

/** Loopback: an emulator with throwaway secrets must not be exposed by accident. */
export const EMULATOR_HOST_DEFAULT = '127.0.0.1';
