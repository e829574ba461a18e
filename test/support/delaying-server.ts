import { writeFileSync } from 'node:fs';
import type { Packet } from 'mqtt-packet';
import { type DelayedRequest, dpsScript } from './dps-script.ts';
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
  const answerDelayMs = (request: DelayedRequest): number => drawnDelayMs(delays, seed, request);
  const script = dpsScript({ answerDelayMs, retryAfterSeconds: RETRY_AFTER_SECONDS });
  const stalled = delays.stalls === null ? script : stalling(script, delays.stalls);
  const server = await startScriptedMqttServer({ certificate, script: logging(stalled, lines), record: false });
  return {
    port: server.port,
    caPem: ca.certPem,
    async close() {
      await server.close();
      writeFileSync(logFile, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    },
  };
}

/** A registration ID ends with its number in the fleet. */
function drawnDelayMs({ answers }: ServerDelays, seed: number, { registrationId, kind }: DelayedRequest): number {
  const random = new SimulatedRandom(seed * 1_000_003 + Number(/\d+$/.exec(registrationId)?.[0] ?? 0));
  const [forRegister, forPoll] = [random.next(), random.next()];
  let left = kind === 'register' ? forRegister : forPoll;
  for (const { share, delayMs } of answers) {
    left -= share;
    if (left < 0) return delayMs;
  }
  return answers.at(-1)?.delayMs ?? 0;
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
