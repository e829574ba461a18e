import type { Packet } from 'mqtt-packet';
import { MqttSession } from '../../src/emulator/server/mqtt-session.ts';
import { provisioningRole } from '../../src/emulator/server/provisioning-role.ts';
import type { FaultRule } from '../../src/emulator/service/fault-rule.ts';
import { acceptedOver, simulatedContext, WiredStream } from '../support/wired-session.ts';
import { hostileBytes } from './hostile-packets.ts';
import { SeededRandom } from './seeded-random.ts';

/** What hostile devices did, and how far they came. */
export type FuzzReport = {
  readonly pieces: number;
  readonly connections: number;
  readonly connected: number;
  readonly registered: number;
  readonly assigned: number;
  readonly faults: number;
  /** `state/type`: with which packet type a piece began in which state of the session; there are `FUZZ_CELLS`. */
  readonly cells: ReadonlySet<string>;
  /** What must not be, with the seed that shows it again. */
  readonly violations: readonly string[];
};

const STATES = ['new', 'connected', 'subscribed', 'registered', 'assigned'] as const;
/** The upper half of a packet's first byte, MQTT 3.1.1 §2.2.1; 0 and 15 are reserved. */
const PACKET_TYPES = 16;

export const FUZZ_CELLS = STATES.length * PACKET_TYPES;

const STEPS_MAX = 12;
const DEVICES = 50;
const OPERATION_IDS_KEPT = 100;

/**
 * Lets hostile devices talk to sessions until `pieces` pieces of bytes have been sent.
 * @param rules Faults that strike meanwhile; with those that malform answers, nothing can be said of the answers.
 */
export async function fuzzSessions(
  seed: number,
  pieces: number,
  rules: readonly FaultRule[] = [],
): Promise<FuzzReport> {
  const random = new SeededRandom(seed);
  const context = simulatedContext(seed, rules);
  const cells = new Set<string>();
  const counts = { pieces: 0, connections: 0, connected: 0, registered: 0, assigned: 0 };
  const violations: string[] = [];
  const operationIds: string[] = ['5.0.0'];
  const owners = new Map<string, string>();
  while (counts.pieces < pieces && violations.length === 0) {
    const deviceId = `device-${random.below(DEVICES)}`;
    const stream = new WiredStream();
    new MqttSession(acceptedOver(stream), context, provisioningRole(context));
    counts.connections += 1;
    try {
      const steps = 1 + random.below(STEPS_MAX);
      for (let step = 0; step < steps; step++) {
        counts.pieces += 1;
        const own = lastOperationId(stream.received);
        const known = own === null ? operationIds : [own, random.pick(operationIds)];
        const bytes = hostileBytes(step, { deviceId, operationIds: known }, random);
        if (bytes.length > 0) cells.add(`${stateOf(stream.received)}/${(bytes[0] ?? 0) >> 4}`);
        stream.emit('data', bytes);
        context.clock.advanceTo(context.clock.nowMs() + random.below(400));
      }
    } catch (error) {
      violations.push(`the session threw: ${error instanceof Error ? error.stack : error}`);
    }
    for (const packet of stream.received) note(packet, deviceId);
    stream.emit('close');
  }
  if (context.openSessions.size > 0) violations.push(`${context.openSessions.size} connections leaked`);
  // Streams close a moment after they have ended.
  await new Promise((resolve) => setImmediate(resolve));
  const { timers } = context.clock;
  if (timers > 0) violations.push(`${timers} timers leaked`);
  const faults = context.faults.records.length;
  return {
    ...counts,
    faults,
    cells,
    violations: violations.map((text) => `seed ${seed}, piece ${counts.pieces}: ${text}`),
  };

  function note(packet: Packet, deviceId: string): void {
    if (packet.cmd === 'auth') violations.push(`the emulator did not write MQTT: ${packet.properties?.reasonString}`);
    if (packet.cmd === 'connack' && packet.returnCode === 0) counts.connected += 1;
    const body = bodyOf(packet);
    if (body === null) return;
    const registrationId: string | undefined = body.registrationState?.registrationId;
    if (registrationId !== undefined && registrationId.toLowerCase() !== deviceId) {
      violations.push(`${deviceId} was told of ${registrationId}`);
    }
    if (typeof body.operationId !== 'string' || body.operationId === '') return;
    const owner = owners.get(body.operationId);
    if (owner !== undefined && owner !== deviceId) violations.push(`${deviceId} was told of an operation of ${owner}`);
    owners.set(body.operationId, deviceId);
    if (owner === undefined) counts.registered += 1;
    if (body.status === 'assigned') counts.assigned += 1;
    if (operationIds.push(body.operationId) > OPERATION_IDS_KEPT) operationIds.shift();
  }
}

type Body = {
  readonly operationId?: unknown;
  readonly status?: string;
  readonly registrationState?: { readonly registrationId: string };
};

/** Of an answer; `null` = it is none, or a fault has spoilt it. */
function bodyOf(packet: Packet): Body | null {
  if (packet.cmd !== 'publish') return null;
  try {
    return JSON.parse(packet.payload.toString());
  } catch {
    return null;
  }
}

function stateOf(received: readonly Packet[]): (typeof STATES)[number] {
  const statuses = received.map((packet) => bodyOf(packet)?.status);
  if (statuses.includes('assigned')) return 'assigned';
  if (statuses.includes('assigning')) return 'registered';
  if (received.some(({ cmd }) => cmd === 'suback')) return 'subscribed';
  return received.some(({ cmd }) => cmd === 'connack') ? 'connected' : 'new';
}

function lastOperationId(received: readonly Packet[]): string | null {
  const answer = received.findLast((packet) => packet.cmd === 'publish');
  const operationId = answer === undefined ? null : bodyOf(answer)?.operationId;
  return typeof operationId === 'string' ? operationId : null;
}
