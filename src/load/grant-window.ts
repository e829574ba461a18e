/**
 * Rows are granted this long ahead of their launch. A crash leaves rows that are marked as possibly registered twice
 * and were not sent: these, and those that are connecting at that moment. Together they are less than a second of
 * launches while a connection takes less than half a second. Shorter: a slow disk could leave slots empty.
 */
export const GRANT_WINDOW_MS = 500;

/** So that a run whose speed is not known yet, or is very slow, still fills its slots between two grants. */
const GRANT_WINDOW_ROWS_MIN = 50;

/** Rows of one window, from the launches that one second saw last. */
export function grantWindowRows(launchesPerSecond: number): number {
  return Math.max(GRANT_WINDOW_ROWS_MIN, Math.ceil((launchesPerSecond * GRANT_WINDOW_MS) / 1000));
}
