import type { AttestationKeys } from '../attestation/attestation-keys.ts';
import type { ConnectionLoss } from '../load/outage-watch.ts';
import type { ServiceConnectionSettings } from '../mqtt/connection-settings.ts';
import type { HostAddress } from '../mqtt/host-addresses.ts';
import type { EventCounts } from '../registration/event-counts.ts';
import type { Launch } from '../registration/launch.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import type { RegistrationPolicy } from '../registration/registration-policy.ts';

/** Settings shared by all workers of a run. Structured-clonable. Holds keys: never log it. */
export type WorkerSetup = ServiceConnectionSettings & {
  /** `hrtimeMs()` at time 0 of the run's clock. */
  readonly clockOriginMs: number;
  readonly idScope: string;
  readonly apiVersion: string;
  readonly userAgent: string;
  readonly keys: AttestationKeys;
  readonly policy: RegistrationPolicy;
  readonly seed: number;
};

export type ToWorker =
  | { readonly type: 'launch'; readonly launches: readonly Launch[] }
  /** No launch follows; the worker ends once all its launches are settled. */
  | { readonly type: 'noMoreLaunches' }
  /** The launch may send the register request for which it requested a permit, now and until then. Later it must ask anew. */
  | { readonly type: 'permitGranted'; readonly sequence: number; readonly validUntilMs: number }
  /**
   * The target has not responded since then. Hands back launches that have not started as `not-started`, and holds registrations that would
   * connect. What is launched later, and what is released, is a probe.
   */
  | { readonly type: 'outageBegan'; readonly sinceMs: number }
  /** Later launches start normally, and other registrations connect again; what is held waits for its release. */
  | { readonly type: 'outageEnded' }
  /** Lets so many held registrations connect, those held for longest first. */
  | { readonly type: 'releaseHeld'; readonly count: number }
  /** Hands back launches that have not started, and all later ones, as `not-started`; registrations in flight continue. */
  | { readonly type: 'dropWaiting' }
  /** Like `dropWaiting`, and registrations in flight end at once as `cancelled`. */
  | { readonly type: 'cancelAll' }
  /** The host's addresses changed; for connections from now on. */
  | { readonly type: 'addresses'; readonly addresses: readonly HostAddress[] };

export type WorkerHealth = {
  readonly inFlight: number;
  /** Since the last report. */
  readonly launched: number;
  /** Largest since the last report; `null` if nothing with an intended start was launched. */
  readonly startLagMaxMs: number | null;
  /** Largest since the last report. */
  readonly loopDelayMaxMs: number;
  /** How long the event loop had almost no idle time since the last report. */
  readonly saturatedMs: number;
  /** Registrations in flight that wait for an outage to end. */
  readonly held: number;
  /** The last CONNACK or answer since the last report. */
  readonly aliveAtMs: number | null;
  /** The first connections that failed or went silent after that, since the last report. */
  readonly losses: readonly ConnectionLoss[];
};

/** `null` = there were none since the last message that carried some. Events come no later than the outcomes that include them. */
type NewEvents = { readonly events: EventCounts | null };

export type FromWorker =
  | { readonly type: 'ready' }
  /** The worker's first device connected. Sent before all outcomes that end later. */
  | { readonly type: 'connected' }
  | ({ readonly type: 'outcomes'; readonly outcomes: readonly RegistrationOutcome[] } & NewEvents)
  /** Sent at once, not with the outcome, so that the rate drops immediately. */
  | { readonly type: 'throttled'; readonly atMs: number; readonly retryAfterSeconds: number | null }
  /** A registration in flight wants to send another register request; `repeats`: it has sent one since it last asked. */
  | { readonly type: 'permitRequested'; readonly sequence: number; readonly repeats: boolean }
  /** The permit is no longer needed. */
  | { readonly type: 'permitWithdrawn'; readonly sequence: number }
  /** A registration that was launched or released during an outage is held again, or has ended. */
  | { readonly type: 'probeEnded' }
  | ({ readonly type: 'health' } & NewEvents & WorkerHealth)
  /** The last message: all launches are settled, and their outcomes sent. */
  | { readonly type: 'ended' };
