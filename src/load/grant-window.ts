/**
 * Rows are granted about this long ahead of their launch. Longer: more rows are marked as possibly registered twice
 * after a crash. Shorter: a slow disk could leave slots empty.
 */
export const GRANT_WINDOW_MS = 1_000;

/** So that a run whose speed is not known yet, or is very slow, still fills its slots between two grants. */
const GRANT_WINDOW_ROWS_MIN = 50;

/** Rows of one window, from the launches that one second saw last. */
export function grantWindowRows(launchesPerSecond: number): number {
  return Math.max(GRANT_WINDOW_ROWS_MIN, Math.ceil((launchesPerSecond * GRANT_WINDOW_MS) / 1000));
}
