import { describeAgents } from './agents-text.ts';
import { formatBytes, formatCount, formatDuration, formatNoun, formatNumber, formatUntrusted } from './format.ts';
import type { SessionSummary } from './summary.ts';

const TRANSPORTS: Readonly<Record<string, string>> = {
  mqtt: 'MQTT over TLS',
  websocket: 'MQTT over WebSocket over TLS',
};

/** When launches were meant to happen: `20/s for 10 s, then to 60/s within 20 s`. */
export function describeLoad({ loadShape, ratePerSecond, setup }: SessionSummary): string {
  if (ratePerSecond !== null) return `${shortRate(ratePerSecond)}`;
  switch (loadShape) {
    case null:
      return 'not recorded';
    case 'closed':
      return 'as slots become free';
    case 'at-once':
      return 'all at once';
    case 'batches': {
      const batch = setup?.batch ?? null;
      if (batch === null) return 'in batches';
      return `${formatNoun(batch.size, 'device')} every ${formatDuration(batch.everyMs)}`;
    }
    case 'stages':
    case 'rate':
      return describeStages(setup?.stages ?? []);
  }
}

function describeStages(stages: NonNullable<SessionSummary['setup']>['stages']): string {
  if (stages.length === 0) return 'in stages';
  return stages
    .map(({ ratePerSecond, forMs, ramp }) => {
      if (ramp) return `to ${shortRate(ratePerSecond)} within ${formatDuration(forMs)}`;
      return ratePerSecond === 0
        ? `pause of ${formatDuration(forMs)}`
        : `${shortRate(ratePerSecond)} for ${formatDuration(forMs)}`;
    })
    .join(', then ');
}

function shortRate(perSecond: number): string {
  return `${Number.isInteger(perSecond) ? formatCount(perSecond) : formatNumber(perSecond)}/s`;
}

/** What was run in a session, as pairs of a name and a text; what was not recorded is left out. */
export function setupRows(session: SessionSummary): readonly (readonly [name: string, text: string])[] {
  const { setup, agents = [] } = session;
  return [
    ['load', describeLoad(session)],
    ['concurrency', formatCount(session.concurrency)],
    ['workers', formatCount(session.workers)],
    ...(agents.length === 0 ? [] : [['agents', describeAgents(agents)] as const]),
    ['rows', session.rowsMax === null ? 'whole fleet' : formatCount(session.rowsMax)],
    ['attestation', formatUntrusted(session.attestation)],
    ['API version', formatUntrusted(session.apiVersion)],
    ...(setup === null ? [] : recordedRows(setup)),
  ];
}

function recordedRows(setup: NonNullable<SessionSummary['setup']>): readonly (readonly [string, string])[] {
  const { tlsVersionMin, tlsVersionMax, pollDelayMs, pollDelayMinMs, cpu, cores, memoryBytes } = setup;
  return [
    ['transport', TRANSPORTS[setup.transport] ?? formatUntrusted(setup.transport)],
    ['TLS', `${describeTls(setup)}, allowed ${tlsName(tlsVersionMin)} to ${tlsName(tlsVersionMax)}`],
    ['MQTT client', formatUntrusted(setup.mqttClient)],
    [
      'poll delay',
      `as the service asks, at least ${formatDuration(pollDelayMinMs)}; without a retry-after ${formatDuration(pollDelayMs)}`,
    ],
    ['governor', setup.governor ? 'on' : 'off'],
    ['Node', `${formatUntrusted(setup.node)}, OpenSSL ${formatUntrusted(setup.openssl)}`],
    ['operating system', formatUntrusted(setup.platform)],
    ['CPU', `${formatNoun(cores, 'core')} of ${cpu === null ? 'an unknown CPU' : formatUntrusted(cpu)}`],
    ['memory', formatBytes(memoryBytes)],
  ];
}

/** The conditions on which all times depend, in one sentence. */
export function describeSetup(session: SessionSummary): string {
  const { setup } = session;
  const slots = `${formatNoun(session.concurrency, 'slot')}`;
  if (setup === null) return `Load: ${describeLoad(session)}, with ${slots}.`;
  const { transport, cores, cpu, node } = setup;
  const how = `${TRANSPORTS[transport] ?? formatUntrusted(transport)} (${describeTls(setup)})`;
  const where = `${formatNoun(cores, 'core')}${cpu === null ? '' : ` of ${formatUntrusted(cpu)}`}`;
  return `Load: ${describeLoad(session)}, with ${slots}, by ${how}, from Node ${formatUntrusted(node)} on ${where}${describeHosts(session)}.`;
}

/** Machine and Node of a session with agents are the coordinator's. */
function describeHosts({ agents = [] }: SessionSummary): string {
  return agents.length === 0 ? '' : `, which coordinated ${formatNoun(agents.length, 'agent')}`;
}

function describeTls({ tlsVersion }: NonNullable<SessionSummary['setup']>): string {
  return tlsVersion === null ? 'version unknown' : tlsName(tlsVersion);
}

/** Node's `TLSv1.3` → `TLS 1.3` */
function tlsName(version: string): string {
  return formatUntrusted(version.replace(/^TLSv/, 'TLS '));
}
