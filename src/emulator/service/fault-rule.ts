import { z } from 'zod';
import { choice, durationMs, issue, mapping, orElse, secondsOrNone, share, wholeNumber } from './notation.ts';

/** Where in a device's conversation a fault can strike; `open`: a connection that is open when an outage begins. */
const POINTS = [
  'handshake',
  'connect',
  'subscribe',
  'register',
  'poll',
  'assignment',
  'open',
  'service-request',
] as const;

export type FaultPoint = (typeof POINTS)[number];

/** The requests that a rule strikes. */
const SELECTION = {
  at: z
    .array(z.enum(POINTS, { error: `must be one of ${POINTS.join(', ')}` }))
    .min(1, { error: 'must name a point' })
    .optional()
    .describe(
      'points of the conversation; default: everywhere that this fault can strike a device. open = connections that are open when an outage begins, service-request = requests of the service API',
    ),
  registrationIds: orElse(z.string().min(1), null).describe('pattern with * for any characters; default: all devices'),
  share: orElse(share, 1).describe('share of the matching requests, drawn from the seed; default: 100%'),
  from: orElse(durationMs, 0).describe(
    "time since the emulator's start, or the last change of the faults; default: 0s",
  ),
  until: orElse(durationMs, null).describe('counted in the same way, exclusive; default: forever'),
  timesPerDevice: orElse(wholeNumber(1), null).describe('at most this many times per registration ID; default: always'),
};

/** By kind of fault, where it can strike. */
const POSSIBLE = new Map<string, readonly FaultPoint[]>();

/**
 * One kind of fault.
 *
 * @param possible the points where it can strike
 * @param details keys that this kind has beside those of every rule
 * @param read from these keys to the members of the fault
 */
function fault<Kind extends string, Shape extends z.ZodRawShape, Details>(
  [kind, description]: readonly [Kind, string],
  possible: readonly FaultPoint[],
  details: Shape,
  read: (given: z.output<z.ZodObject<Shape>>) => Details,
) {
  POSSIBLE.set(kind, possible);
  return mapping({ fault: z.literal(kind), ...details, ...SELECTION })
    .superRefine((rule, context) => checkSelection(kind, possible, rule as Selection, context))
    .transform((rule) => {
      const { at, registrationIds, share, from, until, timesPerDevice } = rule as Selection;
      return {
        fault: { kind, ...read(rule as z.output<z.ZodObject<Shape>>) },
        points: at ?? defaultPoints(possible, registrationIds),
        registrationIds,
        share,
        fromMs: from,
        untilMs: until,
        timesPerDevice,
      };
    })
    .describe(description);
}

type Selection = z.output<z.ZodObject<typeof SELECTION>>;

/** A kind without keys of its own. */
function plainFault<Kind extends string>(kind: Kind, possible: readonly FaultPoint[], description: string) {
  return fault([kind, description], possible, {}, () => ({}));
}

function lateFault<Kind extends string>(kind: Kind, possible: readonly FaultPoint[], description: string) {
  return fault([kind, description], possible, { delay: durationMs }, ({ delay }) => ({ delayMs: delay }));
}

const REQUESTS: readonly FaultPoint[] = ['register', 'poll'];
const CONVERSATION: readonly FaultPoint[] = ['connect', 'subscribe', ...REQUESTS];
const EVERY_REQUEST: readonly FaultPoint[] = [...REQUESTS, 'service-request'];

const errorCode = z
  .int({ error: 'must be a status × 1000 + sub-code, such as 500000' })
  .min(400_000, { error: 'must be at least 400000' })
  .max(599_999, { error: 'must be at most 599999' })
  .describe('HTTP-like status × 1000 + sub-code');

/** A rule of the configuration file: a fault, and the requests that it strikes. */
export const faultRuleSchema = z.discriminatedUnion(
  'fault',
  [
    plainFault('refuse-tls', ['handshake'], 'answer with a TLS alert instead of a handshake'),
    plainFault('stall-tls', ['handshake'], 'accept the connection, then do nothing'),
    lateFault('slow-connack', ['connect'], 'send CONNACK late'),
    plainFault('lose-connack', ['connect'], 'send no CONNACK'),
    fault(
      ['refuse-connect', 'answer CONNECT with this return code'],
      ['connect'],
      {
        returnCode: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4), z.literal(5)], {
          error: 'must be 1, 2, 3, 4 or 5',
        }),
      },
      ({ returnCode }) => ({ returnCode }),
    ),
    plainFault('lose-suback', ['subscribe'], 'send no SUBACK'),
    plainFault('refuse-subscription', ['subscribe'], 'answer SUBACK 128'),
    plainFault('lose-request', EVERY_REQUEST, 'acknowledge the request, then forget it'),
    plainFault('lose-puback', REQUESTS, 'answer the request without acknowledging it'),
    plainFault('lose-answer', EVERY_REQUEST, 'process the request without answering it'),
    lateFault('delay-answer', EVERY_REQUEST, 'answer late'),
    plainFault('duplicate-answer', REQUESTS, 'answer twice'),
    plainFault('reorder-answer', REQUESTS, 'hold the answer back until after the next one on the same connection'),
    fault(
      ['malform-answer', 'answer with nonsense'],
      REQUESTS,
      { form: orElse(choice('no-json', 'truncated', 'empty', 'no-status', 'unknown-topic'), 'no-json') },
      ({ form }) => ({ form }),
    ),
    plainFault('foreign-request-id', REQUESTS, 'answer with a request ID that nobody sent'),
    fault(
      ['retry-after', 'send this text as retry-after; none = leave it out'],
      REQUESTS,
      { value: z.string({ error: 'must be text, such as "3600" or none' }) },
      ({ value }) => ({ value: value === 'none' ? null : value }),
    ),
    fault(
      ['error-answer', 'answer with an error instead of processing the request'],
      EVERY_REQUEST,
      { errorCode, retryAfter: orElse(secondsOrNone, null) },
      ({ errorCode, retryAfter }) => ({ errorCode, retryAfterSeconds: retryAfter }),
    ),
    fault(
      ['error-after-processing', 'carry out a request of the service API, but answer with an error'],
      ['service-request'],
      { errorCode, retryAfter: orElse(secondsOrNone, null) },
      ({ errorCode, retryAfter }) => ({ errorCode, retryAfterSeconds: retryAfter }),
    ),
    fault(
      ['disconnect', 'close the connection'],
      [...CONVERSATION, 'service-request'],
      {
        when: orElse(choice('before', 'after-puback', 'after'), 'before').describe(
          'before the packet is processed (default), after PUBACK (processed, not answered), or after the answer',
        ),
      },
      ({ when }) => ({ when }),
    ),
    plainFault('stall', CONVERSATION, 'keep the connection open, but read and write nothing more'),
    fault(
      ['fragment', 'write everything in small pieces from then on'],
      CONVERSATION,
      { bytes: wholeNumber(1), pause: durationMs },
      ({ bytes, pause }) => ({ bytes, pauseMs: pause }),
    ),
    plainFault('endless-assigning', ['assignment'], 'never end the operation'),
    lateFault('slow-assignment', ['assignment'], 'end the operation late'),
    fault(
      ['fail-assignment', 'let the operation fail'],
      ['assignment'],
      { errorCode, errorMessage: orElse(z.string(), 'Assignment failed.') },
      ({ errorCode, errorMessage }) => ({ errorCode, errorMessage }),
    ),
    plainFault('outage', ['handshake', 'open', ...CONVERSATION], 'cut all connections, and reset new ones'),
  ],
  { error: 'names no fault' },
);

/** `registrationIds`: a pattern with `*` for any characters, case-insensitive. Times count from the start of the rules. */
export type FaultRule = Readonly<Omit<z.output<typeof faultRuleSchema>, 'fault' | 'points'>> & {
  readonly fault: Fault;
  readonly points: readonly FaultPoint[];
};

export type Fault = Readonly<z.output<typeof faultRuleSchema>['fault']>;

export type FaultKind = Fault['kind'];

/** Where each fault can strike. */
export const FAULT_POINTS = Object.freeze(Object.fromEntries(POSSIBLE)) as Readonly<
  Record<FaultKind, readonly FaultPoint[]>
>;

/**
 * Before CONNECT, nobody knows whose connection it is: a rule for certain devices starts there. Who manages enrollments is struck only
 * where a rule says so, or where its fault can strike nobody else.
 */
function defaultPoints(possible: readonly FaultPoint[], registrationIds: string | null): readonly FaultPoint[] {
  const ofDevices = possible.filter((point) => point !== 'service-request');
  if (ofDevices.length === 0) return possible;
  const known = ofDevices.filter((point) => point !== 'handshake');
  return registrationIds === null || known.length === 0 ? ofDevices : known;
}

function checkSelection(
  kind: string,
  possible: readonly FaultPoint[],
  { at, registrationIds, from, until }: Selection,
  { addIssue }: z.core.$RefinementCtx,
): void {
  at?.forEach((point, index) => {
    if (possible.includes(point)) return;
    const remedy = `Choose from its points ${possible.join(', ')}`;
    addIssue(issue(`is ${point}, but ${kind} cannot strike there`, remedy, ['at', index]));
  });
  if (until !== null && until <= from) {
    addIssue(issue('is not after from', 'Give a later time since the start', ['until']));
  }
  if (registrationIds !== null && (at ?? defaultPoints(possible, registrationIds)).includes('handshake')) {
    const message = 'cannot match before CONNECT, when the registration ID is still unknown';
    addIssue(issue(message, 'Remove registrationIds, or name later points with at', ['registrationIds']));
  }
}
