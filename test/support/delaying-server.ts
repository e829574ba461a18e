import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:tls';
import type { Packet } from 'mqtt-packet';
import { dpsScript } from './dps-script.ts';
import { type Peer, type Script, startScriptedMqttServer } from './scripted-mqtt-server.ts';
import type { ServerLogLine } from './server-log.ts';
import { SimulatedRandom } from './simulated-random.ts';
import { createTestCa } from './test-certificates.ts';

/** How a server delays its answers. */
export type ServerDelays = {
  /** From each request to its answer: every registration draws one for its register request, and one for its poll. Shares add up to 1. */
  readonly answers: readonly { readonly share: number; readonly delayMs: number }[];
  /** At the end of each `everyMs`, answers nothing for `forMs`, not even a CONNECT, then everything that waited. `null` = never. */
  readonly stalls: { readonly everyMs: number; readonly forMs: number } | null;
  /**
   * From each CONNECT to its CONNACK, drawn evenly from 0 to this. A closed load starts all slots at once; if every registration took the same
   * time, they would stay in step, and what is measured would be how long they wait for each other's handshakes.
   */
  readonly connackSpreadMs: number;
};

export type DelayingServer = {
  readonly port: number;
  readonly caPem: string;
  /** Closes the server, and writes its log: one `ServerLogLine` in JSON a line. */
  close(): Promise<void>;
};

export type DelayingServerOptions = {
  readonly delays: ServerDelays;
  /** Of the delays, which are the same for each registration ID and seed. */
  readonly seed: number;
  readonly logFile: string;
};

/** Register → 202 → poll → 200, each answer after a known delay. The pause before the poll is the least that the service can ask for. */
const RETRY_AFTER_SECONDS = 1;

/** The service, with known delays and a log of its own. */
export async function startDelayingServer({ delays, seed, logFile }: DelayingServerOptions): Promise<DelayingServer> {
  const lines: ServerLogLine[] = [];
  const ca = await createTestCa();
  const certificate = await ca.issue({ hosts: ['127.0.0.1'] });
  const script = dpsScript({
    answerDelayMs: ({ registrationId, kind }) => drawnDelays(delays, seed, registrationId)[kind],
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
  const spread = spreading(script, (registrationId) => drawnDelays(delays, seed, registrationId).connect);
  const stalled = delays.stalls === null ? spread : stalling(spread, delays.stalls);
  const server = await startScriptedMqttServer({
    certificate,
    script: logging(stalled, lines),
    record: false,
    handshakeDelayMs: HANDSHAKE_DELAY_MS,
  });
  await warmUp(server.port, ca.certPem);
  return {
    port: server.port,
    caPem: ca.certPem,
    async close() {
      await server.close();
      writeFileSync(logFile, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    },
  };
}

/** Longer than it takes to notice all connections that come at once. */
const HANDSHAKE_DELAY_MS = 50;

/** Until its code is compiled, a server takes tens of milliseconds to notice that connections were made. The log shows these without a CONNECT. */
const WARM_UP_HANDSHAKES = 100;

async function warmUp(port: number, caPem: string): Promise<void> {
  const handshakes = Array.from({ length: WARM_UP_HANDSHAKES }, async () => {
    const socket = connect({ host: '127.0.0.1', port, ca: caPem });
    await once(socket, 'secureConnect');
    socket.destroy();
  });
  await Promise.all(handshakes);
}

type DrawnDelays = Readonly<Record<'connect' | 'register' | 'poll', number>>;

/** In milliseconds. A registration ID ends with its number in the fleet. */
function drawnDelays({ answers, connackSpreadMs }: ServerDelays, seed: number, registrationId: string): DrawnDelays {
  const random = new SimulatedRandom(seed * 1_000_003 + Number(/\d+$/.exec(registrationId)?.[0] ?? 0));
  const answer = (): number => {
    let left = random.next();
    for (const { share, delayMs } of answers) {
      left -= share;
      if (left < 0) return delayMs;
    }
    return answers.at(-1)?.delayMs ?? 0;
  };
  return { register: answer(), poll: answer(), connect: random.next() * connackSpreadMs };
}

function spreading(script: Script, connackDelayMs: (registrationId: string) => number): Script {
  return (peer) => {
    let delayMs = 0;
    const receive = script({
      ...peer,
      send(packet) {
        if (packet.cmd === 'connack' && delayMs > 0) setTimeout(() => peer.send(packet), delayMs);
        else peer.send(packet);
      },
    });
    return (packet) => {
      if (packet.cmd === 'connect') delayMs = connackDelayMs(packet.clientId);
      receive(packet);
    };
  };
}

function stalling(script: Script, { everyMs, forMs }: NonNullable<ServerDelays['stalls']>): Script {
  let firstAtMs: number | null = null;
  const stallLeftMs = (): number => {
    const nowMs = performance.now();
    firstAtMs ??= nowMs;
    const leftMs = everyMs - ((nowMs - firstAtMs) % everyMs);
    return leftMs > forMs ? 0 : leftMs;
  };
  return (peer) =>
    script({
      ...peer,
      send(packet) {
        const leftMs = stallLeftMs();
        if (leftMs === 0) peer.send(packet);
        else setTimeout(() => peer.send(packet), leftMs);
      },
    });
}

function logging(script: Script, lines: ServerLogLine[]): Script {
  let connections = 0;
  return (peer) => {
    connections += 1;
    const connection = connections;
    const log = (event: ServerLogLine['event'], packet: Packet | null, atNs: bigint): void => {
      const topic = packet?.cmd === 'publish' ? packet.topic : null;
      const registrationId = packet?.cmd === 'connect' ? packet.clientId : null;
      lines.push({ connection, event, packet: packet?.cmd ?? null, registrationId, topic, atNs: String(atNs) });
    };
    if (peer.tcpAtNs !== null) log('accepted', null, peer.tcpAtNs);
    const logged: Peer = {
      ...peer,
      send(packet) {
        log('sent', packet, process.hrtime.bigint());
        peer.send(packet);
      },
    };
    const receive = script(logged);
    return (packet) => {
      log('received', packet, process.hrtime.bigint());
      receive(packet);
    };
  };
}
