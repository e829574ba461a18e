import type { ConnectionFailure } from '../conversation/connection-failure.ts';
import type { TlsProbe } from '../mqtt/tls-probe.ts';
import { formatCount } from '../report/format.ts';
import { remedyFor } from '../report/remedies.ts';
import { type Finding, finding, ok, unknown, warning } from './finding.ts';

/** A certificate that expires sooner could stop a long batch, or the next one. */
const CERTIFICATE_DAYS_MIN = 14;
const DAY_MS = 86_400_000;

/** Beyond this, tokens near expiry and new certificates may fail; no synchronized clock is that far off. */
const SKEW_SECONDS_WARNED = 60;

/** Lifetime of a SAS token: if the clock is further behind, every token has expired when it arrives. */
const SKEW_SECONDS_MAX = 3_600;

/** @param addresses from the name service; `null` = none, for the reason in `failure` */
export function dnsFinding(host: string, addresses: readonly string[] | null, failure: string | null): Finding {
  if (addresses === null) {
    return finding('problem', 'dns', `${host} has no address (${failure})`, remedyFor('dns') ?? 'Check the host name');
  }
  return ok(
    'dns',
    `${host} has ${addresses.length === 1 ? '1 address' : `${formatCount(addresses.length)} addresses`}: ${addresses.join(', ')}`,
  );
}

/** In place of `dnsFinding`, where `--resolve` gives the address. */
export function pinnedFinding(host: string, addresses: readonly string[]): Finding {
  return ok('dns', `${host} is at ${addresses.join(', ')}, as given with --resolve: not looked up`);
}

/** TCP and TLS. @param nowMs milliseconds since 1970 */
export function connectionFindings({ tcpMs, address, failure, ...tls }: TlsProbe, nowMs: number): readonly Finding[] {
  if (tcpMs === null) return [failureFinding('tcp', failure)];
  const tcp = ok('tcp', `connected to ${address ?? 'the host'} in ${Math.round(tcpMs)} ms`);
  if (failure !== null) return [tcp, { ...failureFinding('tls', failure), ...offered(failure, tls.chain) }];
  const evidence = `${tls.protocol} in ${Math.round(tls.tlsMs ?? 0)} ms; ${describeChain(tls.chain)}`;
  return [tcp, ok('tls', evidence), ...expiryFindings(tls.chain, nowMs)];
}

/** @param skewMs how far this machine is ahead; `null` = not measured */
export function clockFinding(skewMs: number | null): Finding {
  if (skewMs === null) return unknown('clock', 'not measured: the host sent no Date header over HTTPS');
  const seconds = Math.round(Math.abs(skewMs) / 1_000);
  const offset =
    seconds <= 1 ? 'within a second of' : `${formatCount(seconds)} s ${skewMs > 0 ? 'ahead of' : 'behind'}`;
  const evidence = `${offset} the service, according to its Date header`;
  const remedy = 'Set the clock of this machine (NTP): the service judges tokens and certificates by its own time';
  if (skewMs < -SKEW_SECONDS_MAX * 1_000) return finding('problem', 'clock', evidence, remedy);
  return seconds > SKEW_SECONDS_WARNED ? warning('clock', evidence, remedy) : ok('clock', evidence);
}

/** The CONNECT of the fleet's first device, which registers nothing. */
export function connectFinding(connackMs: number | null, failureCode: string | null): Finding {
  if (failureCode === null) {
    return ok('mqtt', `the service accepted the CONNECT of the first device in ${Math.round(connackMs ?? 0)} ms`);
  }
  const evidence = `the CONNECT of the first device failed: ${failureCode}`;
  return warning('mqtt', evidence, remedyFor(failureCode) ?? 'Check the first device of the fleet');
}

function failureFinding(subject: string, failure: ConnectionFailure | null): Finding {
  const evidence = failure?.message ?? 'no connection';
  return finding('problem', subject, evidence, remedyFor(failure?.code ?? '') ?? 'Check host, port and network');
}

/** The certificates that the server presented, when they were not accepted. */
function offered(failure: ConnectionFailure, chain: TlsProbe['chain']): { readonly evidence: string } | object {
  return chain.length === 0 ? {} : { evidence: `${failure.message}; it presented ${describeChain(chain)}` };
}

/** `CN=host < CN=issuer < CN=root, valid until 2027-01-01`. */
function describeChain(chain: TlsProbe['chain']): string {
  const names = chain.map(({ subject }) => subject.replaceAll('\n', ', ')).join(' < ');
  const [leaf] = chain;
  const last = chain.at(-1);
  const root = last === undefined || last.subject === last.issuer ? '' : ` < ${last.issuer.replaceAll('\n', ', ')}`;
  return `${names}${root}, valid until ${isoDay(leaf?.validTo ?? '')}`;
}

function expiryFindings(chain: TlsProbe['chain'], nowMs: number): readonly Finding[] {
  return chain
    .filter(({ validTo }) => Date.parse(validTo) - nowMs < CERTIFICATE_DAYS_MIN * DAY_MS)
    .map(({ subject, validTo }) => {
      const evidence = `${subject.replaceAll('\n', ', ')} expires on ${isoDay(validTo)}`;
      return warning('tls', evidence, 'Renew the certificate before the batch begins');
    });
}

function isoDay(date: string): string {
  const ms = Date.parse(date);
  return Number.isNaN(ms) ? 'unknown' : new Date(ms).toISOString().slice(0, 10);
}
