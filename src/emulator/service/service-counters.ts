type Counts = Record<string, number>;

export function emptyCounters() {
  return {
    /** Register requests received. */
    registrationAttempts: 0,
    /** Register requests whose credentials were examined. Polls are attested too, and do not count. */
    attestationAttempts: 0,
    /** Operations that ended at a hub. */
    deviceAssignments: 0,
    connectsAccepted: 0,
    /** By CONNACK return code. */
    connectsRefused: {} as Counts,
    polls: 0,
    /** Answers to register requests and polls, by status. */
    registerAnswers: {} as Counts,
    pollAnswers: {} as Counts,
    /** Answers of the service API, by status. */
    serviceApiAnswers: {} as Counts,
    faultsInjected: 0,
    /** Of those, the oldest, whose records made room for later ones. */
    faultRecordsDropped: 0,
  };
}

/** What the service has done so far. The first three have the names of the real service's metrics. */
export type ServiceCounters = ReturnType<typeof emptyCounters>;

export function count(counts: Counts, key: number): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

/** Counts what was counted under one key under another instead. */
export function recount(counts: Counts, from: number, to: number): void {
  counts[from] = (counts[from] ?? 0) - 1;
  count(counts, to);
}
