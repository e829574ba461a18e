import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** `to` the server, or `from` it. */
export type Direction = 'to' | 'from';

/** A TCP relay on 127.0.0.1 that can be cut in one direction or both. What is cut waits, as what TCP sends again does, and so does an end. */
export class DroppingProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #cut = new Set<Direction>();
  readonly #links = new Set<Readonly<Record<Direction, Socket>>>();

  private constructor(server: Server, targetPort: number, accepted: (sourceAddress: string) => void) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (client) => {
      accepted(client.remoteAddress ?? '');
      this.#relay(client, connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true }));
    });
  }

  /** @param accepted hears of each connection, as soon as it is there */
  static async start(targetPort: number, accepted: (sourceAddress: string) => void = () => {}): Promise<DroppingProxy> {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new DroppingProxy(server, targetPort, accepted);
  }

  cut(directions: readonly Direction[]): void {
    for (const direction of directions) {
      this.#cut.add(direction);
      for (const link of this.#links) link[direction].pause();
    }
  }

  /** @param isReset whether connections break then; otherwise what waited arrives late */
  heal(isReset: boolean): void {
    this.#cut.clear();
    for (const { to, from } of this.#links) {
      for (const socket of [to, from]) {
        if (isReset) socket.destroy();
        else socket.resume();
      }
    }
  }

  close(): void {
    this.#server.close();
    this.heal(true);
  }

  #relay(client: Socket, upstream: Socket): void {
    const link = { to: client, from: upstream };
    this.#links.add(link);
    pass(client, upstream);
    pass(upstream, client);
    for (const direction of this.#cut) link[direction].pause();
    client.once('close', () => this.#links.delete(link));
  }
}

function pass(source: Socket, sink: Socket): void {
  source.setNoDelay(true);
  source.on('data', (bytes) => sink.write(bytes));
  source.once('end', () => sink.end());
  source.once('error', () => sink.destroy());
  source.once('close', () => sink.destroySoon());
}
