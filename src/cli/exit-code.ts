/** What the process tells its caller; where several apply, the first in this list wins. */
export const EXIT_CODE = {
  /** Also: disk full, folder locked. */
  internalError: 1,
  /** Usage, scenario or fleet file. */
  usage: 2,
  interrupted: 130,
  terminated: 143,
  /** Target unreachable, or preflight or canary failed: nothing or only the canary was registered. */
  unreachable: 4,
  /** Stopped midway (outage, surprises, retry budget); resumable. */
  stoppedMidway: 5,
  thresholdFailed: 99,
  /** Finished, some registrations failed. */
  someFailed: 3,
  success: 0,
} as const;
