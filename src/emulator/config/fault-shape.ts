import { z } from 'zod';
import { durationMs, secondsOrNone, share } from './quantity.ts';

const POINTS = ['handshake', 'connect', 'subscribe', 'register', 'poll', 'assignment', 'open'] as const;

/** What every fault has: which requests it strikes. */
const SELECTION = {
  at: z
    .array(z.enum(POINTS, { error: `must be one of ${POINTS.join(', ')}` }))
    .min(1, { error: 'must name a point' })
    .optional()
    .describe('where in the conversation; default: everywhere where this fault can strike; open = as an outage begins'),
  registrationIds: z.string().min(1).optional().describe('pattern with * for any characters; default: all'),
  share: share.optional().describe('of the requests that match, by a seeded draw; default: 100%'),
  from: durationMs.optional().describe('since the start; default: 0s'),
  until: durationMs.optional().describe('since the start; default: for ever'),
  timesPerDevice: z
    .int({ error: 'must be a whole number' })
    .min(1, { error: 'must be at least 1' })
    .optional()
    .describe('strikes one registration ID at most so often; default: always'),
};

function fault<Kind extends string, Details extends z.core.$ZodLooseShape>(
  kind: Kind,
  about: string,
  details: Details,
) {
  return z.strictObject({ fault: z.literal(kind), ...details, ...SELECTION }).describe(about);
}

const errorCode = z
  .int({ error: 'must be a status × 1000 + sub-code, such as 500000' })
  .min(400_000, { error: 'must be at least 400000' })
  .max(599_999, { error: 'must be at most 599999' })
  .describe('HTTP-like status × 1000 + sub-code');

export const FAULT_SHAPE = z.discriminatedUnion(
  'fault',
  [
    fault('refuse-tls', 'a TLS alert instead of a handshake', {}),
    fault('stall-tls', 'the connection is accepted, and then nothing', {}),
    fault('slow-connack', 'CONNACK comes late', { delay: durationMs }),
    fault('lose-connack', 'no CONNACK', {}),
    fault('refuse-connect', 'CONNACK with a return code', {
      returnCode: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4), z.literal(5)], {
        error: 'must be 1, 2, 3, 4 or 5',
      }),
    }),
    fault('lose-suback', 'no SUBACK', {}),
    fault('refuse-subscription', 'SUBACK 128', {}),
    fault('lose-request', 'acknowledged, and then forgotten', {}),
    fault('lose-puback', 'answered, and not acknowledged', {}),
    fault('lose-answer', 'processed, and not answered', {}),
    fault('delay-answer', 'answered late', { delay: durationMs }),
    fault('duplicate-answer', 'answered twice', {}),
    fault('reorder-answer', 'answered after the next answer on the same connection', {}),
    fault('malform-answer', 'answered with nonsense', {
      form: z
        .enum(['no-json', 'truncated', 'empty', 'no-status', 'unknown-topic'], {
          error: 'must be no-json, truncated, empty, no-status or unknown-topic',
        })
        .optional(),
    }),
    fault('foreign-request-id', 'answered with a request ID that nobody sent', {}),
    fault('retry-after', 'the retry-after as it stands here; none = left out', {
      value: z.string({ error: 'must be text, such as "3600" or none' }),
    }),
    fault('error-answer', 'an error in place of the processing', { errorCode, retryAfter: secondsOrNone.optional() }),
    fault('disconnect', 'the connection is closed', {
      when: z
        .enum(['before', 'after-puback', 'after'], { error: 'must be before, after-puback or after' })
        .optional()
        .describe('before the packet is processed (default), after PUBACK, or after the answer'),
    }),
    fault('stall', 'the connection stays open, and nothing is read or written any more', {}),
    fault('fragment', 'everything is written in pieces from then on', {
      bytes: z.int({ error: 'must be a whole number' }).min(1, { error: 'must be at least 1' }),
      pause: durationMs,
    }),
    fault('endless-assigning', 'the operation never ends', {}),
    fault('slow-assignment', 'the operation ends late', { delay: durationMs }),
    fault('fail-assignment', 'the operation fails', { errorCode, errorMessage: z.string().optional() }),
    fault('outage', 'connections are cut, and new ones reset', {}),
  ],
  { error: 'names no fault' },
);

export type FaultShape = z.output<typeof FAULT_SHAPE>;
