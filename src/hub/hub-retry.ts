import { jitter } from '../registration/retry-delay.ts';
import type { HubAttempt, HubCheckPolicy, HubCheckResult } from './hub-check.ts';

/** The official SDKs for Node, Java and .NET wait for 10 s at most. */
const RETRY_DELAY_MAX_MS = 10_000;
const RETRY_DELAY_BASE_MS = 1_000;

/** A hub that knows the device refuses it at the first try; one that knows it late, once or twice. */
const REFUSED_ATTEMPTS_MIN = 3;

/** What may be different at the next try. Everything else is final. */
const PASSING: readonly HubCheckResult[] = [
  'hub-unavailable',
  'hub-name',
  'hub-unreachable',
  'hub-tls',
  'hub-closed',
  'hub-late',
  'hub-no-answer',
  'hub-throttled',
];

export type HubTrial = {
  readonly registrationId: string;
  /** Wall clock at which the service assigned the device to its hub; `null` = not known. */
  readonly assignedAtEpochMs: number | null;
  /** Connections so far. */
  readonly attempts: number;
};

/**
 * How long to wait before the next connection of a device; `null` = what this one met is final. A refusal is final once the hub has had
 * time to learn of the device: nobody documents how long that takes.
 */
export function hubRetryDelayMs(
  { registrationId, assignedAtEpochMs, attempts }: HubTrial,
  { result }: Pick<HubAttempt, 'result'>,
  policy: Pick<HubCheckPolicy, 'attemptsMax' | 'identityWaitMs'> & { readonly seed: number },
  nowEpochMs: number,
): number | null {
  const ceilingMs = Math.min(RETRY_DELAY_MAX_MS, RETRY_DELAY_BASE_MS * 2 ** Math.min(attempts, 10));
  const random = jitter(policy.seed, registrationId, attempts);
  const delayMs = Math.floor(RETRY_DELAY_BASE_MS + random * (ceilingMs - RETRY_DELAY_BASE_MS));
  if (result === 'hub-refused') {
    const isYoung = nowEpochMs < (assignedAtEpochMs ?? 0) + policy.identityWaitMs;
    return isYoung || attempts < REFUSED_ATTEMPTS_MIN ? delayMs : null;
  }
  return PASSING.includes(result) && attempts < policy.attemptsMax ? delayMs : null;
}
