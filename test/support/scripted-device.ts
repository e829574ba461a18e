import { connect, type TLSSocket } from 'node:tls';
import { generate, type Packet, parser } from 'mqtt-packet';

/** Where an emulator listens. */
export type Address = { readonly host: string; readonly port: number; readonly caPem: string };

/** A device that does exactly what a test tells it, packet by packet. */
export class ScriptedDevice {
  readonly socket: TLSSocket;
  readonly #received: Packet[] = [];
  readonly #waiting: ((packet: Packet | null) => void)[] = [];
  #closed = false;

  constructor(socket: TLSSocket) {
    this.socket = socket;
    const packets = parser();
    packets.on('packet', (packet) => {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#received.push(packet);
      else waiting(packet);
    });
    packets.on('error', (error) => socket.destroy(error));
    socket.on('data', (bytes: Buffer) => packets.parse(bytes));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#closed = true;
      for (const waiting of this.#waiting.splice(0)) waiting(null);
    });
  }

  static async open({ host, port, caPem }: Address, options: object = {}): Promise<ScriptedDevice> {
    const socket = connect({ host, port, ca: caPem, ...options });
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    return new ScriptedDevice(socket);
  }

  send(packet: Packet): void {
    this.socket.write(generate(packet));
  }

  /** The next packet, or `null` when the emulator has closed the connection. */
  receive(): Promise<Packet | null> {
    const packet = this.#received.shift();
    if (packet !== undefined) return Promise.resolve(packet);
    if (this.#closed) return Promise.resolve(null);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Sends `packet`; the answer to it. */
  exchange(packet: Packet): Promise<Packet | null> {
    this.send(packet);
    return this.receive();
  }

  close(): void {
    this.socket.destroy();
  }
}
