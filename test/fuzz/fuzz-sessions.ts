import type { SessionContext } from '../../src/emulator/server/mqtt-session.ts';
import type { VirtualClock } from '../support/virtual-clock.ts';
import { WiredStream } from '../support/wired-session.ts';
import { SeededRandom } from './seeded-random.ts';

/** A service that hostile devices talk to, over connections without a network. */
export type FuzzedService = {
  readonly context: Pick<SessionContext, 'openSessions' | 'faults'> & { readonly clock: VirtualClock };
  /** A hostile device, with a session at the other end of the stream. */
  readonly connect: (stream: WiredStream, random: SeededRandom) => HostileDevice;
  /** What is wrong when all devices have gone. */
  readonly violations: () => readonly string[];
};

export type HostileDevice = {
  readonly bytes: (step: number) => Buffer;
  /** Of its session, as far as it knows. */
  readonly state: () => string;
  /** What is wrong with all that it has received. */
  readonly violations: () => readonly string[];
};

/** What hostile devices did, and how far they came. */
export type FuzzReport = {
  readonly pieces: number;
  readonly connections: number;
  readonly connected: number;
  readonly faults: number;
  /** `state/type`: with which packet type a piece began in which state of the session. */
  readonly cells: ReadonlySet<string>;
  /** What must not be, with the seed that shows it again. */
  readonly violations: readonly string[];
};

/** The upper half of a packet's first byte, MQTT 3.1.1 §2.2.1; 0 and 15 are reserved. */
export const PACKET_TYPES = 16;

const STEPS_MAX = 12;
/** Of the same bytes in one read. */
const BURST_MAX = 20;
const BURST_BYTES_MAX = 2_000;
/** Longer than every time limit of a session that is not the device's own. */
const PAUSE_MAX_MS = 40_000;

/** Lets hostile devices talk to a service until they have sent `pieces` pieces of bytes. */
export async function fuzzSessions(
  { context, ...service }: FuzzedService,
  seed: number,
  pieces: number,
): Promise<FuzzReport> {
  const { clock, faults, openSessions } = context;
  const random = new SeededRandom(seed);
  const cells = new Set<string>();
  const counts = { pieces: 0, connections: 0, connected: 0 };
  const violations: string[] = [];
  while (counts.pieces < pieces && violations.length === 0) {
    const stream = new WiredStream();
    const device = service.connect(stream, random);
    counts.connections += 1;
    try {
      const steps = 1 + random.below(STEPS_MAX);
      for (let step = 0; step < steps; step++) {
        counts.pieces += 1;
        const bytes = device.bytes(step);
        if (bytes.length > 0) cells.add(`${device.state()}/${(bytes[0] ?? 0) >> 4}`);
        send(stream, bytes, clock, random);
      }
    } catch (error) {
      violations.push(`the session threw: ${error instanceof Error ? error.stack : error}`);
    }
    for (const packet of stream.received) {
      if (packet.cmd === 'connack' && packet.returnCode === 0) counts.connected += 1;
      if (packet.cmd === 'auth') violations.push(`the emulator did not write MQTT: ${packet.properties?.reasonString}`);
    }
    violations.push(...device.violations());
    stream.emit('close');
  }
  if (openSessions.size > 0) violations.push(`${openSessions.size} connections leaked`);
  violations.push(...service.violations());
  // Streams close a moment after they have ended.
  await new Promise((resolve) => setImmediate(resolve));
  if (clock.timers > 0) violations.push(`${clock.timers} timers leaked`);
  return {
    ...counts,
    faults: faults.records.length,
    cells,
    violations: violations.map((text) => `seed ${seed}, piece ${counts.pieces}: ${text}`),
  };
}

/** Mostly as they are; sometimes cut in two, or many times over, or before a silence. */
function send(stream: WiredStream, bytes: Buffer, clock: VirtualClock, random: SeededRandom): void {
  const kind = random.next();
  const cut = random.below(bytes.length + 1);
  const copies = kind > 0.97 && bytes.length <= BURST_BYTES_MAX ? 1 + random.below(BURST_MAX) : 1;
  const reads = kind < 0.1 ? [bytes.subarray(0, cut), bytes.subarray(cut)] : [Buffer.concat(Array(copies).fill(bytes))];
  for (const read of reads) {
    stream.emit('data', read);
    clock.advanceTo(clock.nowMs() + random.below(random.next() < 0.005 ? PAUSE_MAX_MS : 400));
  }
}
