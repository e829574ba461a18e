import { foldRegistrationId } from '../../dps/registration-id.ts';
import type { Connection, ConnectStep, Conversation, Handshake, Step } from './conversation.ts';
import type { Finding } from './finding.ts';
import { keptId } from './kept-steps.ts';
import { ConversationLint, lintConversation } from './lint.ts';

/** How much is kept. The devices that connected last are kept; of each, the latest steps. */
export type ConversationLimits = {
  readonly devicesMax: number;
  /** One packet, one note, or the end of a connection. */
  readonly stepsPerDeviceMax: number;
  /** Of all devices together, as an estimate. The devices that connected longest ago give way. */
  readonly bytesMax: number;
};

export const CONVERSATION_LIMITS_DEFAULT: ConversationLimits = Object.freeze({
  // More than a person watches, and a page of records.
  devicesMax: 1_000,
  // A registration has about a dozen: thirty registrations, or an hour of pings at a minute's interval.
  stepsPerDeviceMax: 400,
  // A tenth of what a million registrations take.
  bytesMax: 32 * 1024 * 1024,
});

/** Of one step, certificate and connection without their texts: objects, and their places in arrays. */
const STEP_BYTES = 200;
const CERTIFICATE_BYTES = 200;
const CONNECTION_BYTES = 1_000;

type OpenConnection = { -readonly [member in keyof Connection]: Connection[member] } & { steps: Step[] };

type Device = {
  readonly key: string;
  registrationId: string;
  connections: OpenConnection[];
  /** Of connections that are no longer kept. */
  forgottenSteps: number;
  steps: number;
  bytes: number;
  connectionsEver: number;
  /** Present as soon as somebody listens to findings. */
  lint: ConversationLint | null;
};

/** Adds the steps of one connection. */
export type ConversationRecord = { readonly add: (step: Step) => void };

/** What listeners get to know, as it happens. */
export type StepListener = {
  readonly onStep: (registrationId: string, connection: Connection, step: Step) => void;
  readonly onFinding: (registrationId: string, finding: Finding) => void;
  /** Whether findings are wanted as they happen: only then are conversations judged along the way. */
  readonly wantsFindings: () => boolean;
};

export type ConversationSummary = {
  readonly registrationId: string;
  readonly connections: number;
  readonly isConnected: boolean;
  readonly steps: number;
  /** Of the latest connection. */
  readonly atMs: number;
  readonly findings: number;
};

/** The conversations of the devices that connected last. */
export class KeptConversations {
  readonly #limits: ConversationLimits;
  readonly #listener: StepListener;
  /** By folded registration ID; the device that connected last comes last. */
  readonly #devices = new Map<string, Device>();
  #bytes = 0;

  constructor(limits: ConversationLimits, listener: StepListener) {
    this.#limits = limits;
    this.#listener = listener;
  }

  /** Begins the record of a connection with its CONNECT. */
  begin(handshake: Handshake, connect: ConnectStep): ConversationRecord {
    const device = this.#reached(connect.clientId);
    device.connectionsEver += 1;
    const connection: OpenConnection = {
      number: device.connectionsEver,
      atMs: connect.atMs,
      ...handshake,
      forgottenSteps: 0,
      steps: [],
    };
    device.connections.push(connection);
    this.#grow(device, bytesOfConnection(connection));
    this.#add(device, connection, connect);
    return { add: (step) => this.#add(device, connection, step) };
  }

  /** Adds what happened to the latest connection of a device, if it is kept. */
  note(registrationId: string, text: string, atMs: number): void {
    const device = this.#devices.get(keyOf(registrationId));
    const connection = device?.connections.at(-1);
    if (device === undefined || connection === undefined || connection.steps.at(-1)?.type === 'end') return;
    this.#add(device, connection, { from: 'emulator', type: 'note', atMs, text });
  }

  /** What is kept of a device; `null` = nothing. */
  conversation(registrationId: string): Conversation | null {
    const device = this.#devices.get(keyOf(registrationId));
    if (device === undefined) return null;
    const connections = device.connections.map((connection) => ({ ...connection, steps: [...connection.steps] }));
    const forgottenSteps = forgottenOf(device);
    return {
      registrationId: device.registrationId,
      connections,
      forgottenSteps,
      findings: lintConversation(connections, forgottenSteps === 0),
    };
  }

  /** The devices behind `after`, by registration ID. */
  summaries(after: string, itemsMax: number): readonly ConversationSummary[] {
    const afterKey = keyOf(after);
    const devices = [...this.#devices.values()].filter(({ key }) => key > afterKey);
    devices.sort((a, b) => (a.key < b.key ? -1 : 1));
    return devices.slice(0, itemsMax).map(summaryOf);
  }

  /** Forgets all, and what is still said over open connections. */
  forget(): void {
    this.#devices.clear();
    this.#bytes = 0;
  }

  #reached(clientId: string): Device {
    const key = keyOf(clientId);
    const device = this.#devices.get(key) ?? newDevice(key);
    device.registrationId = clientId;
    this.#devices.delete(key);
    this.#devices.set(key, device);
    if (this.#devices.size > this.#limits.devicesMax) this.#forgetOldest();
    return device;
  }

  #add(device: Device, connection: OpenConnection, step: Step): void {
    // Both may have been forgotten meanwhile. The connection is mostly the last one.
    if (this.#devices.get(device.key) !== device || device.connections.lastIndexOf(connection) < 0) return;
    connection.steps.push(step);
    device.steps += 1;
    this.#grow(device, bytesOf(step));
    this.#listener.onStep(device.registrationId, connection, step);
    if (this.#listener.wantsFindings()) this.#judge(device, connection);
    if (device.steps > this.#limits.stepsPerDeviceMax) this.#thin(device);
  }

  /** What was found before somebody listened is not reported. */
  #judge(device: Device, connection: OpenConnection): void {
    if (device.lint === null) {
      device.lint = new ConversationLint(forgottenOf(device) === 0);
      for (const earlier of device.connections) {
        const until = earlier === connection ? connection.steps.length - 1 : earlier.steps.length;
        for (let index = 0; index < until; index += 1) device.lint.read(earlier, index);
      }
    }
    for (const finding of device.lint.read(connection, connection.steps.length - 1)) {
      this.#listener.onFinding(device.registrationId, finding);
    }
  }

  #grow(device: Device, bytes: number): void {
    device.bytes += bytes;
    this.#bytes += bytes;
    while (this.#bytes > this.#limits.bytesMax && this.#devices.size > 1) this.#forgetOldest();
  }

  #forgetOldest(): void {
    const [oldest] = this.#devices.values();
    if (oldest === undefined) return;
    this.#devices.delete(oldest.key);
    this.#bytes -= oldest.bytes;
  }

  /** Forgets the oldest connection; of the only one, the older half of what follows its CONNECT. */
  #thin(device: Device): void {
    const [oldest] = device.connections;
    if (oldest === undefined) return;
    const isOnly = device.connections.length === 1;
    const gone = isOnly ? oldest.steps.splice(1, Math.ceil((oldest.steps.length - 1) / 2)) : oldest.steps;
    if (isOnly) oldest.forgottenSteps += gone.length;
    else {
      device.connections.shift();
      device.forgottenSteps += gone.length + oldest.forgottenSteps;
    }
    device.steps -= gone.length;
    const bytes = gone.reduce((sum, step) => sum + bytesOf(step), isOnly ? 0 : bytesOfConnection(oldest));
    device.bytes -= bytes;
    this.#bytes -= bytes;
  }
}

function keyOf(registrationId: string): string {
  return foldRegistrationId(keptId(registrationId));
}

function newDevice(key: string): Device {
  return {
    key,
    registrationId: '',
    connections: [],
    forgottenSteps: 0,
    steps: 0,
    bytes: 0,
    connectionsEver: 0,
    lint: null,
  };
}

function forgottenOf({ forgottenSteps, connections }: Device): number {
  return connections.reduce((sum, connection) => sum + connection.forgottenSteps, forgottenSteps);
}

function summaryOf(device: Device): ConversationSummary {
  const { registrationId, connections, connectionsEver, steps } = device;
  return {
    registrationId,
    connections: connectionsEver,
    isConnected: connections.some((connection) => connection.steps.at(-1)?.type !== 'end'),
    steps,
    atMs: connections.at(-1)?.atMs ?? 0,
    findings: lintConversation(connections, forgottenOf(device) === 0).length,
  };
}

/** Without its steps. */
function bytesOfConnection({ certificates }: Connection): number {
  return certificates.reduce(
    (sum, { subject, issuer, commonName }) =>
      sum + CERTIFICATE_BYTES + subject.length + issuer.length + (commonName?.length ?? 0),
    CONNECTION_BYTES,
  );
}

function bytesOf(step: Step): number {
  if (step.type === 'publish') return STEP_BYTES + step.topic.length + step.payload.length;
  if (step.type === 'connect') return 2 * STEP_BYTES + (step.username?.length ?? 0);
  if (step.type === 'note') return STEP_BYTES + step.text.length;
  if (step.type === 'end') return STEP_BYTES + step.reason.length;
  if (step.type === 'subscribe') return step.subscriptions.reduce((sum, { filter }) => sum + filter.length, STEP_BYTES);
  if (step.type === 'unsubscribe') return step.filters.reduce((sum, filter) => sum + filter.length, STEP_BYTES);
  return STEP_BYTES;
}
