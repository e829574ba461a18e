import { randomUUID } from 'node:crypto';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { KeyedCertificate } from '../certificates/certificate.ts';
import type { SignatureHash } from '../certificates/key-algorithm.ts';
import { type ServerKeys, serverIdentity } from '../certificates/server-identity.ts';
import { dpsloadVersion } from '../files/dpsload-version.ts';
import { newEmulatorFolder } from '../files/emulator-folder.ts';
import { AdvancedClock } from '../time/advanced-clock.ts';
import { hrtimeMs, systemClock } from '../time/system-clock.ts';
import { requireUsableKeys } from './config/instance-keys.ts';
import type { EmulatorConfig } from './config/read-emulator-config.ts';
import type { ConversationLimits } from './conversation/kept-conversations.ts';
import { type DeviceView, type ObservedDevices, observeDevices } from './observed-devices.ts';
import { connectionStringTo, openServiceApi } from './open-service-api.ts';
import { type AdvancedContext, type EmulatorChanges, RunningConfig } from './running-config.ts';
import { acceptedConnection } from './server/accepted-connection.ts';
import { listenControl } from './server/control-port.ts';
import type { EmulatorControls } from './server/control-route.ts';
import { MqttSession, type SessionContext } from './server/mqtt-session.ts';
import { OpenSessions } from './server/open-sessions.ts';
import { SESSION_LIMITS_DEFAULT, type SessionLimits } from './server/packet-stream.ts';
import { isEveryAddress, type ListenAddress, type Listener, listenTls, serverNames } from './server/tls-listener.ts';
import { WebhookPrograms } from './server/webhook-programs.ts';
import { WebhookCaller } from './server/webhooks.ts';
import { websocketServer } from './server/websocket-server.ts';
import type { DpsInstance } from './service/dps-instance.ts';
import { idOf } from './service/enrollment-store.ts';
import { FaultPlan, type FaultRecord } from './service/fault-plan.ts';
import type { FaultRule } from './service/fault-rule.ts';
import { ProvisioningService } from './service/provisioning-service.ts';
import type { RecordLine } from './service/registration-record.ts';
import { SERVICE_BEHAVIOR_DEFAULT, type ServiceBehavior } from './service/service-behavior.ts';
import type { ServiceCounters } from './service/service-counters.ts';
import type { StateLine } from './service/state-kind.ts';
import { keepCertificates, shareCertificates } from './shared-certificates.ts';
import { type KeptState, keepState } from './state/keep-state.ts';

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
  /** Health, records and control over plain HTTP; 0 = any free port, absent or `null` = not offered. */
  readonly httpPort?: number | null;
  /** The service API over HTTPS, at `host`; 0 = any free port, absent or `null` = not offered. */
  readonly servicePort?: number | null;
  /** Base64 key of the policy `provisioningserviceowner`, which instances without policies of their own have. Default: a new one. */
  readonly serviceOwnerKey?: string;
  /** Where that of `httpPort` is: anyone who can connect may read, and programs on this machine may write. Default: loopback, whatever `host` is. */
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
   * Keeps registration records and operations over restarts: a device gets an answer only once what it says is on disk. Created if
   * missing. Default: nothing is kept.
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
  readonly httpPort: number | null;
  readonly servicePort: number | null;
  /** Of the first instance of `config`, for its first policy: a secret. `null` = the service API is not offered. */
  readonly serviceConnectionString: string | null;
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
  /** Number of open MQTT connections. */
  openConnections(): number;
  /**
   * Changes the configuration from the next request on; records, operations and connections stay. An instance that is left out lets
   * nobody in. Times of the faults count from their last change. Returns what has changed, a line for each kind; the log has it too.
   *
   * @throws OperatorError when a key is none or a webhook cannot be started; then nothing has changed.
   */
  update(changes: EmulatorChanges): Promise<readonly string[]>;
  /**
   * Forgets records, operations, counters and injected faults, begins budgets and the times of the faults anew, and puts enrollments back
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

/** Where a client on this machine connects to a server that listens on `host`. */
export function hostFromHere(host: string): string {
  return isEveryAddress(host) ? EMULATOR_HOST_DEFAULT : host;
}

/**
 * Starts a DPS emulator in this process.
 *
 * @throws OperatorError when a port is in use, `caDir` or `stateFile` cannot be used, or a symmetric key is not base64 of 16 to 64
 *   bytes.
 */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  requireUsableKeys(options.instances);
  const programs = new WebhookPrograms(systemClock(hrtimeMs()));
  try {
    return await startWith(programs, options);
  } catch (error) {
    programs.close();
    throw error;
  }
}

async function startWith(programs: WebhookPrograms, options: EmulatorOptions): Promise<Emulator> {
  const { host = EMULATOR_HOST_DEFAULT } = options;
  const config = configOf(options);
  const instances = await programs.follow(config.instances, config.behavior.webhookTimeoutMs);
  if (instances.length === 0) throw new Error('startEmulator needs an instance');
  const { context, webhooks, state, devices } = await assemble({ ...config, instances }, options);
  const { clock, openSessions } = context;
  const caDir = resolve(options.caDir ?? newEmulatorFolder());
  const listeners: Listener[] = [];
  const running = new RunningConfig(config, context, programs);
  const close = async (): Promise<void> => {
    running.close();
    webhooks.close();
    programs.close();
    devices.close();
    openSessions.closeAll('the emulator is stopping');
    await Promise.all(listeners.map((listener) => listener.close()));
    if (options.caDir === undefined) rmSync(caDir, { recursive: true, force: true });
    await state?.close();
  };
  try {
    const names = [...serverNames(host), ...(options.serverNames ?? []), ...serviceHostNames(options)];
    const { serverKeys: keys = 'both', serverHash: hash = null } = options;
    if (options.caDir === undefined) shareCertificates(caDir, keys);
    const { servers, ...ca } = await serverIdentity(caDir, clock.epochMs(), { names, keys, hash });
    if (options.caDir === undefined) keepCertificates(caDir, keys);
    const asked = { ...options, host, controls: running };
    const ports = await listenAll(asked, servers, context, listeners);
    const api = await openServiceApi(asked, servers, context, listeners);
    const connectionString = (): string | null => {
      const [instance] = running.current.instances;
      return api === null || instance === undefined ? null : connectionStringTo(instance, api, hostFromHere(host));
    };
    const servicePort = api?.port ?? null;
    const controls = controlsOf(running, context, connectionString);
    return Object.assign(controls, { host, ...ports, servicePort, ...ca, ...devices.view, close });
  } catch (error) {
    await close();
    throw error;
  }
}

/** For the certificate: the service API's, if it is offered. */
function serviceHostNames({ servicePort = null, instances }: EmulatorOptions): readonly string[] {
  return servicePort === null ? [] : instances.map(({ serviceHostName }) => serviceHostName);
}

/** What needs no port. */
function controlsOf(
  running: RunningConfig,
  { service, faults, serviceTimeMs, openSessions }: SessionContext,
  connectionString: () => string | null,
): Omit<Emulator, 'host' | keyof Ports | 'servicePort' | keyof DeviceView | 'caFile' | 'caPem' | 'close'> {
  return {
    get serviceConnectionString() {
      return connectionString();
    },
    get config() {
      return running.current;
    },
    get idScope() {
      return running.current.instances[0]?.idScope ?? '';
    },
    get enrollmentGroups() {
      return running.current.instances.flatMap((each) => each.enrollmentGroups.map(idOf));
    },
    records: () => service.records(serviceTimeMs()),
    faultRecords: faults.records,
    counters: service.counters,
    openConnections: () => openSessions.size,
    update: (changes) => running.update(changes),
    reset: () => running.reset(),
    advance: (durationMs) => running.advance(durationMs),
  };
}

type ListeningOptions = EmulatorOptions & { readonly host: string; readonly controls: EmulatorControls };

type Ports = Pick<Emulator, 'port' | 'websocketPort' | 'httpPort'>;

/** Opens the ports. Those that are open are in `listeners`, even if a later one fails. */
async function listenAll(
  options: ListeningOptions,
  certificates: readonly KeyedCertificate[],
  context: SessionContext,
  listeners: Listener[],
): Promise<Ports> {
  const { host, port = 0, websocketPort = null, httpPort = null } = options;
  const { faults, limits, clock, serviceTimeMs, log } = context;
  const opened = async (listening: Promise<Listener>): Promise<number> => {
    const listener = await listening;
    listeners.push(listener);
    return listener.port;
  };
  const onNameless = namelessReport(log);
  const secured = (at: Pick<ListenAddress, 'port' | 'portFlag'>, serve: (socket: TLSSocket) => void): Promise<number> =>
    opened(
      listenTls(
        {
          host,
          ...at,
          certificates,
          offersTls13: context.behavior.offersTls13,
          handshakeTimeoutMs: limits.connectTimeoutMs,
          onHandshakeFailed: (message) => log(`TLS handshake failed: ${message}`),
          onNameless,
          nextFault: () => faults.next('handshake', null, serviceTimeMs()),
        },
        serve,
      ),
    );
  const serve = (stream: Duplex, socket: TLSSocket): void => {
    new MqttSession(acceptedConnection(stream, socket), context);
  };
  return {
    port: await secured({ port, portFlag: '--port' }, (socket) => serve(socket, socket)),
    websocketPort:
      websocketPort === null
        ? null
        : await secured(
            { port: websocketPort, portFlag: '--websocket-port' },
            websocketServer({ limits, clock, log }, serve),
          ),
    httpPort: httpPort === null ? null : await opened(listenForControl(httpPort, options, context)),
  };
}

/** Logs the first device without a server name. */
function namelessReport(log: (line: string) => void): () => void {
  let hasLogged = false;
  return () => {
    if (!hasLogged) log('a device sends no server name (SNI), which the real endpoint may require; reported only once');
    hasLogged = true;
  };
}

function listenForControl(port: number, options: ListeningOptions, context: SessionContext): Promise<Listener> {
  const { httpHost = EMULATOR_HOST_DEFAULT, controls } = options;
  const hostNames = [...serverNames(httpHost), ...(options.serverNames ?? [])];
  const version = dpsloadVersion();
  return listenControl(httpHost, port, { ...context, controls, version, hostNames, newGuid: randomUUID });
}

type Assembled = {
  readonly context: AdvancedContext;
  readonly webhooks: WebhookCaller;
  /** `null` = nothing is kept. */
  readonly state: KeptState | null;
  readonly devices: ObservedDevices;
};

function configOf({ instances, behavior, faults = [], seed = 1 }: EmulatorOptions): EmulatorConfig {
  return { instances, behavior: { ...SERVICE_BEHAVIOR_DEFAULT, ...behavior }, faults, seed };
}

async function assemble(
  { instances, behavior, faults, seed }: EmulatorConfig,
  { limits, conversations, log = () => {}, stateFile: file = null }: EmulatorOptions,
): Promise<Assembled> {
  const clock = systemClock(hrtimeMs());
  const serviceClock = new AdvancedClock(clock);
  const startedAtMs = clock.epochMs();
  const originMs = startedAtMs - clock.nowMs();
  // The wall clock at the start, and the monotonic clock from then on.
  const serviceTimeMs = (): number => originMs + serviceClock.nowMs();
  const plan = new FaultPlan(faults, seed, startedAtMs, ({ fault, point, registrationId }) => {
    service.counters.faultsInjected += 1;
    service.counters.faultRecordsDropped = plan.droppedRecords;
    if (registrationId !== null)
      devices.conversations?.note(registrationId, `fault ${fault} at ${point}`, serviceTimeMs());
    log(`${registrationId === null ? 'unknown device' : JSON.stringify(registrationId)}: fault ${fault} at ${point}`);
  });
  const changes: StateLine[] = [];
  const told = file === null ? null : changes;
  const options = { instances, behavior, startedAtMs, faults: plan, newGuid: randomUUID, changes: told };
  const service = new ProvisioningService(options);
  const idScopes = instances.map(({ idScope }) => idScope);
  const kept = { idScopes, kinds: service.stateKinds(), changes, nowMs: serviceTimeMs(), log };
  const state = file === null ? null : await keepState({ file, ...kept });
  const whenKept: SessionContext['whenKept'] = state?.whenKept ?? ((then) => then(true));
  const webhooks = new WebhookCaller(serviceClock, serviceTimeMs, log);
  const devices = observeDevices({ service, clock, serviceTimeMs }, conversations);
  const context: AdvancedContext = {
    service,
    faults: plan,
    clock,
    serviceClock,
    serviceTimeMs,
    limits: { ...SESSION_LIMITS_DEFAULT, ...limits },
    get behavior() {
      return service.behavior;
    },
    callWebhooks: () => {
      // What a webhook decides is kept even if nobody asks for it.
      for (const call of service.takeWebhookCalls()) void webhooks.call(call).then(() => whenKept(() => {}));
    },
    whenKept,
    clearState: async () => state?.clear(),
    registered: devices.registered,
    conversations: devices.conversations,
    openSessions: new OpenSessions(),
    log,
  };
  return { context, webhooks, state, devices };
}

/** Lines per write. */
const BATCH_LINES = 1_000;

/** Writes one line per registration record and injected fault, then one with the counters; `kind` distinguishes them. */
export function writeRecords(file: string, emulator: Emulator): void {
  const handle = openSync(file, 'w');
  try {
    let batch: string[] = [];
    for (const line of lines(emulator)) {
      if (batch.push(`${JSON.stringify(line)}\n`) < BATCH_LINES) continue;
      writeSync(handle, batch.join(''));
      batch = [];
    }
    writeSync(handle, batch.join(''));
  } finally {
    closeSync(handle);
  }
}

function* lines(emulator: Emulator): Iterable<object> {
  yield* emulator.records();
  yield* emulator.faultRecords;
  yield { kind: 'counters', ...emulator.counters };
}
