/**
 * A crash leaves rows that are marked as possibly registered twice though they were not sent: launches of this long at
 * most. They are those that were granted ahead, and those that were connecting.
 */
const GRANT_WINDOW_MS = 1_000;

/**
 * Rows are granted this long ahead of their launch: half of the window, so that a connection may take the other half.
 * Longer: more rows are marked in vain. Shorter: a slow disk could leave slots empty.
 */
export const GRANTED_AHEAD_MS = GRANT_WINDOW_MS / 2;

/** So that a run whose speed is not known yet, or is very slow, still fills its slots between two grants. */
const ROWS_AHEAD_MIN = 50;

/** Rows to grant ahead of free slots, from the launches that one second saw last. */
export function rowsAhead(launchesPerSecond: number): number {
  return Math.max(ROWS_AHEAD_MIN, Math.ceil((launchesPerSecond * GRANTED_AHEAD_MS) / 1000));
}
