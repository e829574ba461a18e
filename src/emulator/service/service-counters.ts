/** What the service has done so far. The first three have the names of the real service's metrics. */
export type ServiceCounters = {
  /** Register requests received. */
  registrationAttempts: number;
  /** Register requests whose credentials were examined. */
  attestationAttempts: number;
  /** Operations that ended at a hub. */
  deviceAssignments: number;
  connectsAccepted: number;
  /** By CONNACK return code. */
  connectsRefused: Record<string, number>;
  polls: number;
  /** Answers to register requests and polls, by status. */
  registerAnswers: Record<string, number>;
  pollAnswers: Record<string, number>;
};

export function emptyCounters(): ServiceCounters {
  return {
    registrationAttempts: 0,
    attestationAttempts: 0,
    deviceAssignments: 0,
    connectsAccepted: 0,
    connectsRefused: {},
    polls: 0,
    registerAnswers: {},
    pollAnswers: {},
  };
}

export function count(counts: Record<string, number>, key: number): void {
  counts[key] = (counts[key] ?? 0) + 1;
}
