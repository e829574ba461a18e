import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { csvLine } from './csv-line.ts';

export const FAILURES_CSV_HEADER = csvLine(['registration_id', 'result', 'error_code', 'error_message', 'tracking_id']);

/**
 * The line of a registration that was, or may have been, sent and did not come to a hub; `null` for all others. Those that
 * never started are left out: they have not failed, and are what a resumed run does anyway.
 */
export function failuresCsvLine(outcome: RegistrationOutcome): string | null {
  const { registrationId, result, errorCode, errorMessage, trackingId } = outcome;
  if (result === 'assigned' || result === 'not-started') return null;
  return csvLine([registrationId, result, errorCode, errorMessage, trackingId]);
}
