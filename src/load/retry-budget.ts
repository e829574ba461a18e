/** Of the first register requests: a healthy service makes far fewer repetitions necessary. */
const REPEATED_SHARE = 0.2;
/** So that a run that has only begun, or is small, may still meet a bad minute. */
const REPEATED_FLOOR = 100;

/** Register requests that a run may repeat in all: `100 + 20% × first requests`. */
export function repeatedRequestsMax(firstRequests: number): number {
  return REPEATED_FLOOR + REPEATED_SHARE * firstRequests;
}
