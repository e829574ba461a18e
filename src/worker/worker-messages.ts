import type { AttestationKeys } from '../attestation/attestation-keys.ts';
import type { ServiceConnectionSettings } from '../mqtt/service-conversations.ts';
import type { Launch } from '../registration/launch.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import type { RegistrationPolicy } from '../registration/registration-policy.ts';

/** What all workers of a run share. Structured-clonable. Holds keys: never log it. */
export type WorkerSetup = ServiceConnectionSettings & {
  /** `hrtimeMs()` at 0 of the run's clock. */
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
  /** No launch follows; the worker ends when all that it holds are settled. */
  | { readonly type: 'noMoreLaunches' }
  /** The register request that the launch asked a permit for may be sent now. */
  | { readonly type: 'permitGranted'; readonly sequence: number }
  /** What has not been started is handed back as `not-started` at once; what is launched later is started. */
  | { readonly type: 'handBackWaiting' }
  /** What has not been started is handed back as `not-started`; what is in flight goes on. */
  | { readonly type: 'dropWaiting' }
  /** As `dropWaiting`, and what is in flight ends at once as `cancelled`. */
  | { readonly type: 'cancelAll' };

export type WorkerHealth = {
  readonly inFlight: number;
  /** Since the last report. */
  readonly launched: number;
  /** Largest since the last report; `null` when nothing with an intended start was launched. */
  readonly startLagMaxMs: number | null;
  /** Largest since the last report. */
  readonly loopDelayMaxMs: number;
  /** CONNACKs and answers since the last report. */
  readonly signsOfLife: number;
  /** Connections that failed or fell silent since the last report. */
  readonly connectionsLost: number;
};

export type FromWorker =
  | { readonly type: 'ready' }
  /** A first device of this worker connected. Before the outcomes of all that ended later. */
  | { readonly type: 'connected' }
  | { readonly type: 'outcomes'; readonly outcomes: readonly RegistrationOutcome[] }
  /** At once, not with the outcome: the service asks for less. */
  | { readonly type: 'throttled'; readonly atMs: number; readonly retryAfterSeconds: number | null }
  /** A registration that is under way wants to send one more register request; `repeats`: it has sent one before. */
  | { readonly type: 'permitRequested'; readonly sequence: number; readonly repeats: boolean }
  /** It wants to no longer. */
  | { readonly type: 'permitWithdrawn'; readonly sequence: number }
  | ({ readonly type: 'health' } & WorkerHealth)
  /** The last message: all that the worker was given is settled, and told. */
  | { readonly type: 'ended' };
