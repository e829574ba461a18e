/** Members of an outcome that count what the registration did and met. They grow while it lasts. */
export const COUNTED = [
  'attempts', // connections opened
  'registersSent', // register requests, which the service bills
  'polls',
  'throttles',
  'serverErrors',
  'staleAnswers',
  'retryAftersClamped',
] as const;

export type Counted = Record<(typeof COUNTED)[number], number>;

/** What registrations did and met in some time, whether they have ended or not. */
export type EventCounts = Readonly<Counted> & {
  /** Connections that failed or went silent. Outcomes do not count them. */
  readonly connectionsLost: number;
  /** Register requests beyond the first of each registration. */
  readonly registersRepeated: number;
};

/** The counts of what has not begun. */
export function noCounts(): Counted {
  return {
    attempts: 0,
    registersSent: 0,
    polls: 0,
    throttles: 0,
    serverErrors: 0,
    staleAnswers: 0,
    retryAftersClamped: 0,
  };
}
