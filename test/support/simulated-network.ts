import type { ConnectionFailureCode } from '../../src/conversation/connection-failure.ts';
import type { MqttConnection, MqttEvent, MqttIdentity, OpenMqttConnection } from '../../src/mqtt/mqtt-connection.ts';
import type { RegistrationWitness } from './registration-witness.ts';
import type { SimulatedRandom } from './simulated-random.ts';
import type { SimulatedService } from './simulated-service.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** One device's place in the network. */
export type SimulatedDevice = {
  readonly random: SimulatedRandom;
  /** Probability that a step goes wrong. */
  readonly trouble: number;
  readonly witness: RegistrationWitness;
};

const CONNACK_FAILURES: readonly ConnectionFailureCode[] = [
  'closed',
  'connack-1',
  'connack-2',
  'connack-3',
  'connack-4',
  'connack-5',
];

type Trap = readonly [topic: string, payload: string];

/** What an answer looks like that belongs to nothing: to act on one of them would be seen in the outcome. */
const TRAPS: readonly [Trap, ...Trap[]] = [
  ['200/?$rid=', '{"status":"assigned","registrationState":{"assignedHub":"trap.azure-devices.net"}}'],
  ['401/?$rid=', '{"errorCode":401000,"message":"trap"}'],
  ['202/?$rid=', '{"operationId":"5.trap","status":"assigning"}'],
  ['404/?$rid=', '{"errorCode":404203}'],
  ['429/?$rid=', ''],
  ['200/?nothing=', '{}'],
  ['?', ''],
];

/** A network that loses, delays, repeats, invents and hangs up, as often as each device's dice say. */
export function simulatedNetwork(
  clock: VirtualClock,
  service: SimulatedService,
  device: SimulatedDevice,
): OpenMqttConnection {
  let current: SimulatedConnection | null = null;
  return (identity, onEvent) => {
    device.witness.opened(identity.password, clock.nowMs());
    current = new SimulatedConnection(clock, service, device, identity, onEvent, () => current);
    current.dial();
    return current;
  };
}

class SimulatedConnection implements MqttConnection {
  readonly #clock: VirtualClock;
  readonly #service: SimulatedService;
  readonly #device: SimulatedDevice;
  readonly #identity: MqttIdentity;
  readonly #onEvent: (event: MqttEvent) => void;
  /** The device's connection at this moment: the late answer to a request of an earlier one goes there. */
  readonly #current: () => SimulatedConnection | null;
  #open = true;

  constructor(
    clock: VirtualClock,
    service: SimulatedService,
    device: SimulatedDevice,
    identity: MqttIdentity,
    onEvent: (event: MqttEvent) => void,
    current: () => SimulatedConnection | null,
  ) {
    this.#clock = clock;
    this.#service = service;
    this.#device = device;
    this.#identity = identity;
    this.#onEvent = onEvent;
    this.#current = current;
  }

  dial(): void {
    if (this.#wrong(0.2)) this.#lose(this.#device.random.pick(['tcp-refused', 'dns', 'tcp-failed']));
    else this.#next('tcpConnected', ['tcp-timeout', 'tcp-reset'], () => this.#secure());
  }

  subscribe(topicFilter: string): void {
    if (topicFilter !== '$dps/registrations/res/#')
      this.#device.witness.violations.push(`subscribed to ${topicFilter}`);
    if (this.#wrong(0.01)) this.#after(50, () => this.#lose('suback-refused'));
    else this.#next('subscribed', ['closed', 'protocol-error'], () => this.#invent());
  }

  publish(topic: string, payload: string): void {
    if (!this.#open) this.#device.witness.violations.push('published on a closed connection');
    this.#device.witness.published(topic, payload, this.#clock.nowMs());
    if (this.#wrong(0.3)) this.#after(this.#device.random.whole(0, 5_000), () => this.#lose('closed'));
    if (this.#wrong(0.3)) return;
    const answers = this.#service.request(this.#identity, topic, payload, this.#clock.nowMs());
    for (const answer of answers) this.#send(answer.topic, answer.payload, answer.delayMs);
    this.#invent();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#device.witness.closed(null, this.#clock.nowMs());
  }

  #secure(): void {
    if (this.#wrong(0.01)) this.#lose(this.#device.random.pick(['tls-expired', 'tls-unknown-ca', 'tls-host-name']));
    else this.#next('secured', ['tls-failed', 'tcp-reset'], () => this.#acknowledge());
  }

  #acknowledge(): void {
    const code = this.#service.connect(this.#identity, this.#clock.nowMs());
    if (code === 0) this.#next('connected', ['closed', 'protocol-error'], () => {});
    else this.#after(20, () => this.#lose(CONNACK_FAILURES[code] ?? 'closed'));
  }

  /** The next event comes, or a failure in its place, or nothing at all. */
  #next(
    type: 'tcpConnected' | 'secured' | 'connected' | 'subscribed',
    failures: readonly [ConnectionFailureCode, ...ConnectionFailureCode[]],
    then: () => void,
  ): void {
    const { random } = this.#device;
    if (this.#wrong(0.1)) return;
    if (this.#wrong(0.2)) {
      this.#after(random.whole(0, 20_000), () => this.#lose(random.pick(failures)));
      return;
    }
    this.#after(random.whole(1, 60), () => {
      this.#emit({ type });
      then();
    });
  }

  /** An answer arrives: once, or not, or late, or twice. */
  #send(topic: string, payload: string, delayMs: number): void {
    const { random } = this.#device;
    if (this.#wrong(0.3)) return;
    const lateMs = this.#wrong(0.3) ? random.whole(1_000, 70_000) : 0;
    const deliver = (): void => this.#current()?.deliver(topic, payload);
    this.#clock.wakeAt(this.#clock.nowMs() + delayMs + lateMs, deliver);
    if (this.#wrong(0.5)) this.#clock.wakeAt(this.#clock.nowMs() + delayMs + random.whole(0, 20_000), deliver);
  }

  /** An answer arrives that belongs to nothing. */
  #invent(): void {
    if (!this.#wrong(0.5)) return;
    const { random } = this.#device;
    const [start, payload] = random.pick(TRAPS);
    const topic = `$dps/registrations/res/${start}${random.pick(['1', '2', 'p-1', '', 'x&retry-after=9'])}`;
    this.#after(random.whole(0, 3_000), () => this.deliver(topic, payload));
  }

  deliver(topic: string, payload: string): void {
    if (!this.#open) return;
    this.#device.witness.delivered(topic, payload, this.#clock.nowMs());
    this.#emit({ type: 'message', topic, payload });
  }

  #lose(code: ConnectionFailureCode): void {
    if (!this.#open) return;
    this.#open = false;
    this.#device.witness.closed(code, this.#clock.nowMs());
    this.#onEvent({ type: 'lost', failure: { code, message: `simulated ${code}` } });
  }

  #emit(event: MqttEvent): void {
    if (this.#open) this.#onEvent(event);
  }

  #after(delayMs: number, happen: () => void): void {
    this.#clock.wakeAt(this.#clock.nowMs() + delayMs, () => {
      if (this.#open) happen();
    });
  }

  #wrong(share: number): boolean {
    return this.#device.random.chance(this.#device.trouble * share);
  }
}
