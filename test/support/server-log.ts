import { readFileSync } from 'node:fs';

/*
 * What the times of a run truly were, from nothing but the log of the server that it ran against. No code of the program and none of its records
 * take part: topics are read, ranks counted and starts computed anew.
 */

/** A packet, or a TCP connection, as the server saw it. */
export type ServerLogLine = {
  /** Counts from 1. */
  readonly connection: number;
  readonly event: 'accepted' | 'received' | 'sent';
  /** Type of the MQTT packet; `null` = TCP. */
  readonly packet: string | null;
  /** In a CONNECT. */
  readonly registrationId: string | null;
  /** Of a PUBLISH. */
  readonly topic: string | null;
  /** CLOCK_MONOTONIC, in nanoseconds. */
  readonly atNs: string;
};

export function readServerLog(file: string): readonly ServerLogLine[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as ServerLogLine);
}

export const TRUE_TIMES = ['accepted', 'service', 'response'] as const;

/** Of each registration, in milliseconds, by ascending length. */
export type TrueTimes = Readonly<Record<(typeof TRUE_TIMES)[number], readonly number[]>>;

/** One registration, as the server saw it. */
type Seen = {
  /** Place in the fleet, with which its ID ends. */
  readonly place: number;
  readonly tcpAtMs: number;
  readonly acceptedMs: number;
  readonly endedAtMs: number;
  /** Pauses that the server asked for. */
  readonly pausesMs: number;
};

/**
 * - accepted: from the register request to its first answer.
 * - service: from the TCP connection to the final answer, without the pauses that the server asked for.
 * - response: in the closed model, from the TCP connection to the final answer. In the open model, from the start that the schedule intends:
 *   launch n of a rate is meant to start n ÷ rate after the first. The first is meant to start so that no device came too early: at the
 *   smallest of (TCP connection of n − n ÷ rate).
 *
 * @param ratePerSecond `null` = the closed model
 */
export function trueTimes(log: readonly ServerLogLine[], ratePerSecond: number | null): TrueTimes {
  const seen = seenRegistrations(log);
  const sinceFirstMs = ({ place }: Seen): number => (ratePerSecond === null ? 0 : (place * 1_000) / ratePerSecond);
  const firstAtMs = Math.min(...seen.map((one) => one.tcpAtMs - sinceFirstMs(one)));
  const startMs = (one: Seen): number => (ratePerSecond === null ? one.tcpAtMs : firstAtMs + sinceFirstMs(one));
  const sorted = (time: (one: Seen) => number): readonly number[] => seen.map(time).toSorted((a, b) => a - b);
  return {
    accepted: sorted(({ acceptedMs }) => acceptedMs),
    service: sorted(({ endedAtMs, tcpAtMs, pausesMs }) => endedAtMs - tcpAtMs - pausesMs),
    response: sorted((one) => one.endedAtMs - startMs(one)),
  };
}

/** By the nearest rank. @param sorted ascending; not empty */
export function nearestRank(sorted: readonly number[], percentile: number): number {
  const rank = Math.ceil((percentile * sorted.length) / 100);
  return sorted[Math.max(1, rank) - 1] ?? Number.NaN;
}

/** @throws Error where a device did anything but register once, on one connection, and get a hub */
function seenRegistrations(log: readonly ServerLogLine[]): readonly Seen[] {
  const byConnection = new Map<number, ServerLogLine[]>();
  for (const line of log) byConnection.set(line.connection, [...(byConnection.get(line.connection) ?? []), line]);
  const ids = new Set<string>();
  const seen: Seen[] = [];
  for (const lines of byConnection.values()) {
    // The first device connects once more before the run, without registering.
    if (!lines.some(isRegister)) continue;
    const id = lines.find(({ packet }) => packet === 'connect')?.registrationId ?? '';
    if (ids.has(id)) throw new Error(`${id} registered on two connections`);
    ids.add(id);
    seen.push(seenRegistration(id, lines));
  }
  return seen;
}

const ANSWER = /^\$dps\/registrations\/res\/(\d+)\/\?\$rid=[^&]+(?:&retry-after=(\d+))?$/;

const isRegister = ({ event, topic }: ServerLogLine): boolean =>
  event === 'received' && topic?.startsWith('$dps/registrations/PUT/') === true;

function seenRegistration(id: string, lines: readonly ServerLogLine[]): Seen {
  const answers = lines.flatMap(({ event, topic, atNs }) => {
    const answer = event === 'sent' && topic !== null ? ANSWER.exec(topic) : null;
    return answer === null ? [] : [{ status: answer[1], retryAfterSeconds: Number(answer[2] ?? 0), atMs: msOf(atNs) }];
  });
  const statuses = answers.map(({ status }) => status).join(' ');
  const registers = lines.filter(isRegister);
  const tcp = lines.find(({ event }) => event === 'accepted');
  const [[register], [first, last]] = [registers, answers];
  if (!tcp || !register || !first || !last || registers.length > 1 || statuses !== '202 200')
    throw new Error(`${id} sent ${registers.length} register requests, and got ${statuses}`);
  return {
    place: Number(/\d+$/.exec(id)?.[0]),
    tcpAtMs: msOf(tcp.atNs),
    acceptedMs: first.atMs - msOf(register.atNs),
    endedAtMs: last.atMs,
    pausesMs: answers.reduce((sumMs, { retryAfterSeconds }) => sumMs + retryAfterSeconds * 1_000, 0),
  };
}

/** Nanoseconds since the machine started are whole numbers for 104 days, and off by two for as long again. */
function msOf(atNs: string): number {
  return Number(atNs) / 1e6;
}
