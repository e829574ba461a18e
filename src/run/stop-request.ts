/** The user wants the run to stop: on the first signal in order, on every further one at once. */
export type StopRequest = {
  readonly reason: 'interrupted' | 'terminated';
  readonly urgency: 'finish-in-flight' | 'at-once';
};

/** Where the coordinator hears of stop requests; whoever owns the signals feeds it. */
export type StopRequests = {
  onRequest(listener: (request: StopRequest) => void): void;
};

/** The first request, or the first that has no patience. */
export function stopRequested(
  stopRequests: StopRequests,
  urgency: StopRequest['urgency'] = 'finish-in-flight',
): Promise<StopRequest> {
  return new Promise((resolve) => {
    stopRequests.onRequest((request) => {
      if (request.urgency === urgency || request.urgency === 'at-once') resolve(request);
    });
  });
}

/** The user stopped a run of which nothing was begun. */
export class StoppedBeforeStart extends Error {
  override readonly name = 'StoppedBeforehand';
  readonly reason: StopRequest['reason'];

  constructor(reason: StopRequest['reason']) {
    super(`${reason} before anything was registered`);
    this.reason = reason;
  }
}
