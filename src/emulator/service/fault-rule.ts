import { z } from 'zod';
import { choice, durationMs, issue, mapping, orElse, secondsOrNone, share, wholeNumber } from './notation.ts';

/** Where in a device's conversation a fault can strike; `open`: a connection that is open when an outage begins. */
const SERVICE_POINTS = ['handshake', 'connect', 'subscribe', 'register', 'poll', 'assignment', 'open'] as const;

/** The same in its conversation with its hub, where only a rule that names one of them strikes. */
const HUB_POINTS = ['hub-handshake', 'hub-connect', 'hub-subscribe', 'hub-telemetry', 'hub-twin', 'hub-open'] as const;

/** A request of the service API, which only a rule that names it strikes, unless its fault can strike nowhere else. */
const API_POINTS = ['service-request'] as const;

const POINTS = [...SERVICE_POINTS, ...HUB_POINTS, ...API_POINTS] as const;

type ServicePoint = (typeof SERVICE_POINTS)[number];
type HubPoint = (typeof HUB_POINTS)[number];
type ApiPoint = (typeof API_POINTS)[number];
export type FaultPoint = ServicePoint | HubPoint | ApiPoint;

/** The points of a hub at which a fault of these points of the service can strike as well. */
const AT_HUBS: Readonly<Record<ServicePoint, readonly HubPoint[]>> = {
  handshake: ['hub-handshake'],
  connect: ['hub-connect'],
  subscribe: ['hub-subscribe'],
  register: ['hub-telemetry', 'hub-twin'],
  poll: [],
  assignment: [],
  open: ['hub-open'],
};

/** The requests that a rule strikes. */
const SELECTION = {
  at: z
    .array(z.enum(POINTS, { error: `must be one of ${POINTS.join(', ')}` }))
    .min(1, { error: 'must name a point' })
    .optional()
    .describe(
      'points of the conversation; default: everywhere that this fault can strike a device at the service, not at a hub. open = connections that are open when an outage begins, service-request = requests of the service API',
    ),
  registrationIds: orElse(z.string().min(1), null).describe(
    'pattern with * for any characters, at a hub for device IDs; default: all devices',
  ),
  share: orElse(share, 1).describe('share of the matching requests, drawn from the seed; default: 100%'),
  from: orElse(durationMs, 0).describe(
    "time since the emulator's start, or the last change of the faults; default: 0s",
  ),
  until: orElse(durationMs, null).describe('counted in the same way, exclusive; default: forever'),
  timesPerDevice: orElse(wholeNumber(1), null).describe('at most this many times per registration ID; default: always'),
};

/** By kind of fault, where it can strike, at the service and at a hub. */
const POSSIBLE = new Map<string, readonly ServicePoint[]>();
const POSSIBLE_AT_HUBS = new Map<string, readonly HubPoint[]>();

/**
 * One kind of fault.
 *
 * @param places where it can strike
 * @param details keys that this kind has beside those of every rule
 * @param read from these keys to the members of the fault
 */
function fault<Kind extends string, Shape extends z.ZodRawShape, Details>(
  [kind, description]: readonly [Kind, string],
  places: Places,
  details: Shape,
  read: (given: z.output<z.ZodObject<Shape>>) => Details,
) {
  const { service, hub, api = [] } = places;
  POSSIBLE.set(kind, service);
  POSSIBLE_AT_HUBS.set(kind, hub);
  return mapping({ fault: z.literal(kind), ...details, ...SELECTION })
    .superRefine((rule, context) => checkSelection(kind, places, rule as Selection, context))
    .transform((rule) => {
      const { at, registrationIds, share, from, until, timesPerDevice } = rule as Selection;
      return {
        fault: { kind, ...read(rule as z.output<z.ZodObject<Shape>>) },
        points: at ?? (service.length === 0 ? api : defaultPoints(service, registrationIds)),
        registrationIds,
        share,
        fromMs: from,
        untilMs: until,
        timesPerDevice,
      };
    })
    .describe(description);
}

/** Points where a fault can strike. */
type Places = {
  readonly service: readonly ServicePoint[];
  readonly hub: readonly HubPoint[];
  /** Absent = none. */
  readonly api?: readonly ApiPoint[];
};

type Selection = z.output<z.ZodObject<typeof SELECTION>>;

/** A kind without keys of its own. */
function plainFault<Kind extends string>(kind: Kind, places: Places, description: string) {
  return fault([kind, description], places, {}, () => ({}));
}

function lateFault<Kind extends string>(kind: Kind, places: Places, description: string) {
  return fault([kind, description], places, { delay: durationMs }, ({ delay }) => ({ delayMs: delay }));
}

/** These points, and those that correspond to them at a hub. */
function everywhere(...service: readonly ServicePoint[]): Places {
  return { service, hub: service.flatMap((point) => AT_HUBS[point]) };
}

const HANDSHAKE = everywhere('handshake');
const CONNECT = everywhere('connect');
const SUBSCRIBE = everywhere('subscribe');
/** What gets a PUBACK. */
const REQUESTS = everywhere('register', 'poll');
/** What gets an answer: telemetry gets none. */
const ANSWERED: Places = { ...REQUESTS, hub: ['hub-twin'] };
const ASSIGNMENT = everywhere('assignment');
const CONVERSATION = everywhere('connect', 'subscribe', 'register', 'poll');

const errorCode = z
  .int({ error: 'must be a status × 1000 + sub-code, such as 500000' })
  .min(400_000, { error: 'must be at least 400000' })
  .max(599_999, { error: 'must be at most 599999' })
  .describe('HTTP-like status × 1000 + sub-code');

/** A rule of the configuration file: a fault, and the requests that it strikes. */
export const faultRuleSchema = z.discriminatedUnion(
  'fault',
  [
    plainFault('refuse-tls', HANDSHAKE, 'answer with a TLS alert instead of a handshake'),
    plainFault('stall-tls', HANDSHAKE, 'accept the connection, then do nothing'),
    lateFault('slow-connack', CONNECT, 'send CONNACK late'),
    plainFault('lose-connack', CONNECT, 'send no CONNACK'),
    fault(
      ['refuse-connect', 'answer CONNECT with this return code'],
      CONNECT,
      {
        returnCode: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4), z.literal(5)], {
          error: 'must be 1, 2, 3, 4 or 5',
        }),
      },
      ({ returnCode }) => ({ returnCode }),
    ),
    plainFault('lose-suback', SUBSCRIBE, 'send no SUBACK'),
    plainFault('refuse-subscription', SUBSCRIBE, 'answer SUBACK 128'),
    plainFault('lose-request', { ...REQUESTS, api: API_POINTS }, 'acknowledge the request, then forget it'),
    plainFault('lose-puback', REQUESTS, 'answer the request without acknowledging it'),
    plainFault('lose-answer', { ...ANSWERED, api: API_POINTS }, 'process the request without answering it'),
    lateFault('delay-answer', { ...ANSWERED, api: API_POINTS }, 'answer late'),
    plainFault('duplicate-answer', ANSWERED, 'answer twice'),
    plainFault('reorder-answer', ANSWERED, 'hold the answer back until after the next one on the same connection'),
    fault(
      ['malform-answer', 'answer with nonsense'],
      ANSWERED,
      { form: orElse(choice('no-json', 'truncated', 'empty', 'no-status', 'unknown-topic'), 'no-json') },
      ({ form }) => ({ form }),
    ),
    plainFault('foreign-request-id', ANSWERED, 'answer with a request ID that nobody sent'),
    fault(
      ['retry-after', 'send this text as retry-after; none = leave it out'],
      { ...REQUESTS, hub: [] },
      { value: z.string({ error: 'must be text, such as "3600" or none' }) },
      ({ value }) => ({ value: value === 'none' ? null : value }),
    ),
    fault(
      ['error-answer', 'answer with an error instead of processing the request'],
      { ...ANSWERED, api: API_POINTS },
      { errorCode, retryAfter: orElse(secondsOrNone, null) },
      ({ errorCode, retryAfter }) => ({ errorCode, retryAfterSeconds: retryAfter }),
    ),
    fault(
      ['error-after-processing', 'carry out a request of the service API, but answer with an error'],
      { service: [], hub: [], api: API_POINTS },
      { errorCode, retryAfter: orElse(secondsOrNone, null) },
      ({ errorCode, retryAfter }) => ({ errorCode, retryAfterSeconds: retryAfter }),
    ),
    fault(
      ['disconnect', 'close the connection'],
      { ...CONVERSATION, api: API_POINTS },
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
    plainFault('endless-assigning', ASSIGNMENT, 'never end the operation'),
    lateFault('slow-assignment', ASSIGNMENT, 'end the operation late'),
    fault(
      ['fail-assignment', 'let the operation fail'],
      ASSIGNMENT,
      { errorCode, errorMessage: orElse(z.string(), 'Assignment failed.') },
      ({ errorCode, errorMessage }) => ({ errorCode, errorMessage }),
    ),
    plainFault(
      'outage',
      everywhere('handshake', 'open', ...CONVERSATION.service),
      'cut all connections, and reset new ones',
    ),
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

/** Where each fault can strike at the service. */
export const FAULT_POINTS = Object.freeze(Object.fromEntries(POSSIBLE)) as Readonly<
  Record<FaultKind, readonly ServicePoint[]>
>;

/** Where each fault can strike at a hub. */
export const HUB_FAULT_POINTS = Object.freeze(Object.fromEntries(POSSIBLE_AT_HUBS)) as Readonly<
  Record<FaultKind, readonly HubPoint[]>
>;

/** Before CONNECT, nobody knows whose connection it is: a rule for certain devices starts there. */
function defaultPoints(possible: readonly ServicePoint[], registrationIds: string | null): readonly FaultPoint[] {
  const known = possible.filter((point) => point !== 'handshake');
  return registrationIds === null || known.length === 0 ? possible : known;
}

function isBeforeConnect(point: FaultPoint): boolean {
  return point === 'handshake' || point === 'hub-handshake';
}

function checkSelection(
  kind: string,
  { service, hub, api = [] }: Places,
  { at, registrationIds, from, until }: Selection,
  { addIssue }: z.core.$RefinementCtx,
): void {
  const possible: readonly FaultPoint[] = [...service, ...hub, ...api];
  at?.forEach((point, index) => {
    if (possible.includes(point)) return;
    const remedy = `Choose from its points ${possible.join(', ')}`;
    addIssue(issue(`is ${point}, but ${kind} cannot strike there`, remedy, ['at', index]));
  });
  if (until !== null && until <= from) {
    addIssue(issue('is not after from', 'Give a later time since the start', ['until']));
  }
  if (registrationIds !== null && (at ?? defaultPoints(service, registrationIds)).some(isBeforeConnect)) {
    const message = 'cannot match before CONNECT, when the registration ID is still unknown';
    addIssue(issue(message, 'Remove registrationIds, or name later points with at', ['registrationIds']));
  }
}
