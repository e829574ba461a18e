import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { KeyedCertificate } from '../certificates/certificate.ts';
import { type ServerIdentity, serverIdentity } from '../certificates/server-identity.ts';
import { dpsloadVersion } from '../files/dpsload-version.ts';
import { newEmulatorFolder } from '../files/emulator-folder.ts';
import { hrtimeMs, systemClock } from '../time/system-clock.ts';
import { assemble } from './assemble.ts';
import { requireUsableKeys } from './config/instance-keys.ts';
import type { EmulatorConfig } from './config/read-emulator-config.ts';
import { EMULATOR_HOST_DEFAULT, type Emulator, type EmulatorOptions } from './emulator.ts';
import { namesInCertificate, ownNames } from './linked-hubs.ts';
import type { DeviceView } from './observed-devices.ts';
import { openServiceApi, type ServiceApiControls, serviceApiControls } from './open-service-api.ts';
import { RunningConfig } from './running-config.ts';
import { acceptedConnection } from './server/accepted-connection.ts';
import { listenControl } from './server/control-port.ts';
import type { EmulatorControls } from './server/control-route.ts';
import type { EmulatedHubs } from './server/emulated-hubs.ts';
import { MqttSession, type SessionContext } from './server/mqtt-session.ts';
import { provisioningRole } from './server/provisioning-role.ts';
import { isEveryAddress, type ListenAddress, type Listener, listenTls } from './server/tls-listener.ts';
import { WebhookPrograms } from './server/webhook-programs.ts';
import { websocketServer } from './server/websocket-server.ts';
import { idOf } from './service/enrollment-store.ts';
import { SERVICE_BEHAVIOR_DEFAULT } from './service/service-behavior.ts';
import { keepCertificates, shareCertificates } from './shared-certificates.ts';

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
  const { context, webhooks, state, devices, hubs } = await assemble({ ...config, instances }, options);
  const { clock, serviceClock, openSessions } = context;
  const caDir = resolve(options.caDir ?? newEmulatorFolder());
  const listeners: Listener[] = [];
  const running = new RunningConfig(config, context, programs, hubs);
  if (state !== null) running.catchUp();
  const close = async (): Promise<void> => {
    running.close();
    webhooks.close();
    programs.close();
    devices.close();
    for (const sessions of [openSessions, hubs.openSessions]) sessions.closeAll('the emulator is stopping');
    await Promise.all(listeners.map((listener) => listener.close()));
    serviceClock.cancelAll();
    if (options.caDir === undefined) rmSync(caDir, { recursive: true, force: true });
    await state?.close();
  };
  try {
    const names = namesInCertificate({ ...options, host });
    const { servers, ...ca } = await certificatesIn(caDir, names, clock.epochMs(), options);
    const asked = { ...options, host, controls: running };
    const ports = await listenAll(asked, servers, { context, hubs }, listeners);
    const api = await openServiceApi(asked, servers, context, listeners);
    const controls = serviceApiControls(api, () => running.current.instances, hostFromHere(host));
    return Object.assign(controls, controlsOf(running, context), {
      host,
      ...ports,
      ...ca,
      ...devices.view,
      hubs,
      close,
    });
  } catch (error) {
    await close();
    throw error;
  }
}

async function certificatesIn(
  dir: string,
  names: readonly string[],
  nowMs: number,
  { caDir, serverKeys: keys = 'both', serverHash: hash = null }: EmulatorOptions,
): Promise<ServerIdentity> {
  if (caDir === undefined) shareCertificates(dir, keys);
  const identity = await serverIdentity(dir, nowMs, { names, keys, hash });
  if (caDir === undefined) keepCertificates(dir, keys, hash);
  return identity;
}

/** What needs no port. */
function controlsOf(
  running: RunningConfig,
  { service, faults, serviceTimeMs, openSessions }: SessionContext,
): Omit<
  Emulator,
  'host' | keyof Ports | keyof ServiceApiControls | keyof DeviceView | 'caFile' | 'caPem' | 'hubs' | 'close'
> {
  return {
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

type Ports = Pick<Emulator, 'port' | 'websocketPort' | 'hubPort' | 'httpPort'>;

/** Opens the ports. Those that are open are in `listeners`, even if a later one fails. */
async function listenAll(
  options: ListeningOptions,
  certificates: readonly KeyedCertificate[],
  { context, hubs }: Served,
  listeners: Listener[],
): Promise<Ports> {
  const { host, port = 0, websocketPort = null, hubPort = null, httpPort = null } = options;
  const opened = async (listening: Promise<Listener>): Promise<number> => {
    const listener = await listening;
    listeners.push(listener);
    return listener.port;
  };
  const onNameless = namelessReport(context.log);
  const secured = (place: TlsPlace, serve: (socket: TLSSocket) => void): Promise<number> =>
    opened(listenTls({ host, certificates, onNameless, ...place, ...tlsBehavior(context, place.point) }, serve));
  const role = provisioningRole(context);
  const serve = (stream: Duplex, socket: TLSSocket): void => {
    new MqttSession(acceptedConnection(stream, socket), context, role);
  };
  const hubContext = hubs.sessionContext(context);
  const serveHub = (socket: TLSSocket): void => {
    new MqttSession(acceptedConnection(socket, socket), hubContext, hubs.role);
  };
  const point = 'handshake';
  return {
    port: await secured({ port, portFlag: '--port', point }, (socket) => serve(socket, socket)),
    websocketPort:
      websocketPort === null
        ? null
        : await secured({ port: websocketPort, portFlag: '--websocket-port', point }, websocketServer(context, serve)),
    hubPort:
      hubPort === null
        ? null
        : await secured({ port: hubPort, portFlag: '--hub-port', point: 'hub-handshake' }, serveHub),
    httpPort: httpPort === null ? null : await opened(listenForControl(httpPort, options, { context, hubs })),
  };
}

/** A port, and where faults strike its handshakes. */
type TlsPlace = Pick<ListenAddress, 'port' | 'portFlag'> & { readonly point: 'handshake' | 'hub-handshake' };

function tlsBehavior({ faults, limits, behavior, serviceTimeMs, log }: SessionContext, point: TlsPlace['point']) {
  return {
    offersTls13: behavior.offersTls13,
    handshakeTimeoutMs: limits.connectTimeoutMs,
    onHandshakeFailed: (message: string) => log(`TLS handshake failed: ${message}`),
    nextFault: () => faults.next(point, null, serviceTimeMs()),
  };
}

/** Logs the first device without a server name, at whichever port. */
function namelessReport(log: (line: string) => void): () => void {
  let hasLogged = false;
  return () => {
    if (!hasLogged) log('a device sends no server name (SNI), which the real endpoint may require; reported only once');
    hasLogged = true;
  };
}

function listenForControl(port: number, options: ListeningOptions, { context, hubs }: Served): Promise<Listener> {
  const { httpHost = EMULATOR_HOST_DEFAULT, controls } = options;
  const hostNames = ownNames(httpHost, options.serverNames);
  const version = dpsloadVersion();
  return listenControl(httpHost, port, { ...context, controls, hubs, version, hostNames, newGuid: randomUUID });
}

function configOf({ instances, behavior, faults = [], seed = 1 }: EmulatorOptions): EmulatorConfig {
  return { instances, behavior: { ...SERVICE_BEHAVIOR_DEFAULT, ...behavior }, faults, seed };
}

/** What is served, at the service and at its hubs. */
type Served = { readonly context: SessionContext; readonly hubs: EmulatedHubs };
