import { Duplex } from 'node:stream';
import { type Packet, parser } from 'mqtt-packet';
import { CONVERSATION_LIMITS_DEFAULT, KeptConversations } from '../../src/emulator/conversation/kept-conversations.ts';
import type { SessionContext } from '../../src/emulator/server/mqtt-session.ts';
import { OpenSessions } from '../../src/emulator/server/open-sessions.ts';
import { SESSION_LIMITS_DEFAULT } from '../../src/emulator/server/packet-stream.ts';
import type { Accepted } from '../../src/emulator/server/session-role.ts';
import { FaultPlan } from '../../src/emulator/service/fault-plan.ts';
import type { FaultRule } from '../../src/emulator/service/fault-rule.ts';
import { ProvisioningService } from '../../src/emulator/service/provisioning-service.ts';
import { SERVICE_BEHAVIOR_DEFAULT } from '../../src/emulator/service/service-behavior.ts';
import { emulatedInstance } from './emulated-instance.ts';
import { VirtualClock } from './virtual-clock.ts';

/** A connection without a network: what the emulator writes is read back at once. */
export class WiredStream extends Duplex {
  readonly received: Packet[] = [];
  readonly #parser = parser();

  constructor() {
    super();
    this.#parser.on('packet', (packet) => this.received.push(packet));
    this.#parser.on('error', (error: Error) =>
      this.received.push({ cmd: 'auth', reasonCode: 0, properties: { reasonString: error.message } }),
    );
  }

  override _read(): void {}

  override _write(bytes: Buffer, _: string, done: () => void): void {
    this.#parser.parse(bytes);
    done();
  }
}

/** A device at the other end of `stream` that presents no certificate. */
export function acceptedOver(stream: WiredStream): Accepted {
  return {
    stream,
    certificates: () => [],
    sourceAddress: () => null,
    serverName: () => 'dps.test',
    handshake: () => ({
      transport: 'mqtt',
      tlsVersion: 'TLSv1.2',
      cipherSuite: null,
      serverName: 'dps.test',
      sourceAddress: '192.0.2.7',
      certificates: [],
    }),
  };
}

/** What the emulator's sessions share, in virtual time. */
export function simulatedContext(
  seed: number,
  rules: readonly FaultRule[],
): SessionContext & { readonly clock: VirtualClock } {
  const clock = new VirtualClock();
  const faults = new FaultPlan(rules, seed, clock.epochMs());
  let guids = 0;
  const newGuid = (): string => `00000000-0000-4000-8000-${String(guids++).padStart(12, '0')}`;
  const service = new ProvisioningService({
    instances: [emulatedInstance()],
    behavior: SERVICE_BEHAVIOR_DEFAULT,
    faults,
    newGuid,
  });
  return {
    service,
    faults,
    clock,
    serviceClock: clock,
    serviceTimeMs: () => clock.epochMs(),
    limits: SESSION_LIMITS_DEFAULT,
    behavior: SERVICE_BEHAVIOR_DEFAULT,
    callWebhooks: () => {},
    registered: () => {},
    conversations: new KeptConversations(CONVERSATION_LIMITS_DEFAULT, {
      onStep: () => {},
      onFinding: () => {},
      wantsFindings: () => true,
    }),
    whenKept: (then) => then(true),
    openSessions: new OpenSessions(),
    log: () => {},
  };
}
