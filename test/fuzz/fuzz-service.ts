import type { Packet } from 'mqtt-packet';
import { MqttSession } from '../../src/emulator/server/mqtt-session.ts';
import { provisioningRole } from '../../src/emulator/server/provisioning-role.ts';
import type { FaultRule } from '../../src/emulator/service/fault-rule.ts';
import { acceptedOver, simulatedContext, type WiredStream } from '../support/wired-session.ts';
import { type FuzzReport, fuzzSessions, type HostileDevice, PACKET_TYPES } from './fuzz-sessions.ts';
import { hostileBytes, SERVICE_PACKETS } from './hostile-packets.ts';
import type { SeededRandom } from './seeded-random.ts';

const STATES = ['new', 'connected', 'subscribed', 'registered', 'assigned'] as const;

/** As many cells as a report can have. */
export const SERVICE_CELLS = STATES.length * PACKET_TYPES;

const DEVICES = 50;
const OPERATION_IDS_KEPT = 100;

/**
 * Lets hostile devices talk to the provisioning service.
 * @param rules Faults that strike meanwhile; with those that malform answers, nothing can be said of the answers.
 */
export async function fuzzService(
  seed: number,
  pieces: number,
  rules: readonly FaultRule[] = [],
): Promise<FuzzReport & { readonly registered: number; readonly assigned: number }> {
  const context = simulatedContext(seed, rules);
  const known = new KnownOperations();
  const connect = (stream: WiredStream, random: SeededRandom): HostileDevice => {
    const deviceId = `device-${random.below(DEVICES)}`;
    new MqttSession(acceptedOver(stream), context, provisioningRole(context));
    return {
      bytes: (step) => {
        const own = lastOperationId(stream.received);
        const operationIds = own === null ? known.ids : [own, random.pick(known.ids)];
        return hostileBytes(SERVICE_PACKETS, step, { deviceId, operationIds }, random);
      },
      state: () => stateOf(stream.received),
      violations: () => stream.received.flatMap((packet) => known.note(bodyOf(packet), deviceId)),
    };
  };
  const report = await fuzzSessions({ context, connect, violations: () => [] }, seed, pieces);
  return { ...report, registered: known.registered, assigned: known.assigned };
}

/** Operations that devices were told of, and whose they are. */
class KnownOperations {
  readonly ids: string[] = ['5.0.0'];
  registered = 0;
  assigned = 0;
  readonly #owners = new Map<string, string>();

  /** Returns what a device should not have been told. */
  note(body: Body | null, deviceId: string): readonly string[] {
    if (body === null) return [];
    const violations: string[] = [];
    const registrationId: string | undefined = body.registrationState?.registrationId;
    if (registrationId !== undefined && registrationId.toLowerCase() !== deviceId) {
      violations.push(`${deviceId} was told of ${registrationId}`);
    }
    if (typeof body.operationId !== 'string' || body.operationId === '') return violations;
    const owner = this.#owners.get(body.operationId);
    if (owner !== undefined && owner !== deviceId) violations.push(`${deviceId} was told of an operation of ${owner}`);
    this.#owners.set(body.operationId, deviceId);
    if (owner === undefined) this.registered += 1;
    if (body.status === 'assigned') this.assigned += 1;
    if (this.ids.push(body.operationId) > OPERATION_IDS_KEPT) this.ids.shift();
    return violations;
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
