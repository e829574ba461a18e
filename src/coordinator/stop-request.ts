/** The user wants the run to stop: on the first signal in order, on the second at once. */
export type StopRequest = {
  readonly reason: 'interrupted' | 'terminated';
  readonly urgency: 'finish-in-flight' | 'at-once';
};

/** Where the coordinator hears of stop requests; whoever owns the signals feeds it. */
export type StopRequests = {
  onRequest(listener: (request: StopRequest) => void): void;
};
