import type { AttestationKeys } from '../attestation/attestation-keys.ts';
import { type CredentialRefusal, credentialsMaker } from '../attestation/make-credentials.ts';
import type { ConnectionFailure, ConnectionFailureCode } from '../conversation/connection-failure.ts';
import type { ConversationIdentity, OpenConversation } from '../conversation/conversation.ts';
import { readFleet } from '../fleet/read-fleet.ts';
import type { FleetSurvey } from '../fleet/survey-fleet.ts';
import { OperatorError, problem } from '../problem/operator-error.ts';
import { remedyFor } from '../report/remedies.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { type Clock, pause } from '../time/clock.ts';

/** CONNACK 3 means an unknown ID scope or a busy front end; only the busy one soon answers differently. */
const TRIES_MAX = 3;
/** Long enough for a busy front end to recover, short enough for somebody who waits for the first sign of life. */
const PAUSE_MS = 1_000;
/** From dialing to CONNACK, with room for the retransmissions of a lossy network. */
const CONNECT_TIMEOUT_MS = 30_000;

/** Durations of the first connection's phases, in milliseconds; `failureCode`: a failure of the first device alone. */
export type PreflightFacts = {
  readonly tcpMs: number | null;
  readonly tlsMs: number | null;
  readonly connackMs: number | null;
  /** The one agreed on, as in `TLSv1.3`. */
  readonly tlsVersion: string | null;
  readonly failureCode: string | null;
};

/** Failures of this one device, not of the target: the run continues, and the device's outcome will report the same. */
const FAILURES_OF_THE_DEVICE: readonly ConnectionFailureCode[] = [
  'client-certificate',
  'connack-2',
  'connack-4',
  'connack-5',
];

/**
 * Connects once as the fleet's first device, without registering it.
 *
 * @throws OperatorError `unreachable` when the target cannot be reached, fails the TLS checks, or does not know the ID scope
 */
export async function preflight(
  target: string,
  identity: ConversationIdentity,
  open: OpenConversation,
  clock: Clock,
): Promise<PreflightFacts> {
  for (let attempt = 1; ; attempt += 1) {
    const { facts, failure } = await connectOnce(identity, open, clock);
    if (failure === null) return facts;
    if (FAILURES_OF_THE_DEVICE.includes(failure.code)) return { ...facts, failureCode: failure.code };
    if (failure.code !== 'connack-3' || attempt === TRIES_MAX) {
      throw new OperatorError('unreachable', [
        problem(`${target} cannot be used: ${failure.message}`, remedyFor(failure.code)),
      ]);
    }
    await pause(clock, PAUSE_MS);
  }
}

type Attempt = { readonly facts: PreflightFacts; readonly failure: ConnectionFailure | null };

function connectOnce(identity: ConversationIdentity, open: OpenConversation, clock: Clock): Promise<Attempt> {
  return new Promise((resolve) => {
    let dialledAtMs = clock.nowMs();
    let tcpAtMs: number | null = null;
    let tlsAtMs: number | null = null;
    let tlsVersion: string | null = null;
    const finish = (failure: ConnectionFailure | null): void => {
      timer.cancel();
      conversation.close();
      const facts = {
        tcpMs: since(dialledAtMs, tcpAtMs),
        tlsMs: since(tcpAtMs, tlsAtMs),
        connackMs: failure === null ? since(tlsAtMs, clock.nowMs()) : null,
        tlsVersion,
        failureCode: null,
      };
      resolve({ facts, failure });
    };
    const conversation = open(identity, (event) => {
      if (event.type === 'resolved') dialledAtMs = clock.nowMs();
      else if (event.type === 'tcpConnected') tcpAtMs = clock.nowMs();
      else if (event.type === 'secured') [tlsAtMs, tlsVersion] = [clock.nowMs(), event.tlsVersion ?? null];
      else if (event.type === 'connected') finish(null);
      else if (event.type === 'lost') finish(event.failure);
    });
    const timer = clock.wakeAt(dialledAtMs + CONNECT_TIMEOUT_MS, () => {
      const code = tcpAtMs === null ? 'tcp-timeout' : tlsAtMs === null ? 'tls-failed' : 'closed';
      finish({ code, message: `no CONNACK within ${CONNECT_TIMEOUT_MS / 1000} s` });
    });
  });
}

function since(fromMs: number | null, toMs: number | null): number | null {
  return fromMs === null || toMs === null ? null : toMs - fromMs;
}

export type FirstDeviceRequest = {
  readonly scenario: Pick<Scenario, 'fleet' | 'apiVersion'>;
  readonly fleet: Pick<FleetSurvey, 'rows' | 'digest' | 'bytes' | 'rejectedLines'>;
  readonly idScope: string;
  readonly keys: AttestationKeys;
  readonly userAgent: string;
};

/** The identity with which the fleet's first device connects. */
export async function firstDeviceIdentity(
  { scenario, fleet, idScope, keys, userAgent }: FirstDeviceRequest,
  clock: Clock,
): Promise<{ readonly identity: ConversationIdentity } | { readonly refusal: CredentialRefusal }> {
  const rows = readFleet(scenario.fleet, fleet);
  const first = await rows.next();
  await rows.return(undefined);
  if (first.done) throw new Error('the survey accepted a fleet without rows');
  const { registrationId } = first.value;
  const made = await credentialsMaker(keys, idScope, clock)(first.value);
  if ('refusal' in made) return made;
  const { password, clientCertificate } = made.credentials;
  return {
    identity: {
      registrationId,
      idScope,
      apiVersion: scenario.apiVersion,
      userAgent,
      password: password(clock.epochMs(), 0),
      clientCertificate,
    },
  };
}
