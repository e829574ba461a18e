/** The operator's request to stop the run: the first lets registrations in flight finish, further ones stop at once. */
export type StopRequest = {
  readonly reason: 'interrupted' | 'terminated';
  readonly urgency: 'finish-in-flight' | 'at-once';
};

/** Source of stop requests; the owner of the signals implements it. */
export type StopRequests = {
  onRequest(listener: (request: StopRequest) => void): void;
};

/** Resolves with the first request of at least this urgency. */
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

/** The operator stopped a run before it registered anything. */
export class StoppedBeforeStart extends Error {
  override readonly name = 'StoppedBeforeStart';
  readonly reason: StopRequest['reason'];

  constructor(reason: StopRequest['reason']) {
    super(`${reason} before anything was registered`);
    this.reason = reason;
  }
}
