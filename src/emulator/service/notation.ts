import { z } from 'zod';
import { DURATION, parseDuration } from '../../time/duration.ts';

/*
 * How values are written in the configuration file. The error texts of these schemas are predicates: the reader of the
 * file puts the path of the value in front of them.
 */

const DURATION_FORM = 'a duration such as 200ms, 3s, 20m or 1h30m';
const RATE_FORM = 'a rate such as 1000/min, 5/10s or 50/s';
const SHARE_FORM = 'a share such as 10% or 0.5%';

/** Begins the message of an issue with a mapping itself, which is a remedy and not a predicate; the keys follow. */
export const CHOOSE_KEYS = 'Choose keys from ';

/** An object without other keys than these. */
export function mapping<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, { error: () => `${CHOOSE_KEYS}${Object.keys(shape).join(', ')}` });
}

/**
 * `fallback` where the key is absent. Unlike `.default()`, it adds nothing to the published JSON Schema, whose
 * descriptions state the defaults.
 */
export function orElse<Schema extends z.ZodType, Fallback extends Readonly<z.output<Schema>> | null>(
  schema: Schema,
  fallback: Fallback,
) {
  return schema.optional().transform((value) => (value === undefined ? fallback : value));
}

export function choice<const Values extends readonly [string, string, ...string[]]>(...values: Values) {
  return z.enum(values, { error: `must be ${values.slice(0, -1).join(', ')} or ${values.at(-1)}` });
}

export function wholeNumber(min: number, max = Number.POSITIVE_INFINITY) {
  const integer = z.int({ error: 'must be a whole number' }).min(min, { error: `must be at least ${min}` });
  return max === Number.POSITIVE_INFINITY ? integer : integer.max(max, { error: `must be at most ${max}` });
}

/** An issue of a check that the file's reader reports with this remedy. */
export function issue(message: string, remedy: string, path: (string | number)[] = []) {
  return { code: 'custom', message, params: { remedy }, path } as const;
}

export const trueOrFalse = z.boolean({ error: 'must be true or false' });

/** Milliseconds. */
export const durationMs = z
  .string({ error: `must be ${DURATION_FORM}` })
  .regex(DURATION, { error: `must be ${DURATION_FORM}` })
  .min(2, { error: `must be ${DURATION_FORM}` })
  .transform((text) => parseDuration(text) ?? 0)
  .describe(DURATION_FORM);

/** A duration, or a long tail of durations. */
export const delay = z
  .union([durationMs, mapping({ median: durationMs, p99: durationMs })], {
    error: `must be ${DURATION_FORM}, or { median: 200ms, p99: 5s }`,
  })
  .transform((value) => (typeof value === 'number' ? value : { medianMs: value.median, p99Ms: value.p99 }))
  .refine((value) => typeof value === 'number' || (value.medianMs > 0 && value.p99Ms >= value.medianMs), {
    error: 'must have a median above 0, and a p99 that is not below the median',
  })
  .describe('a duration, or { median, p99 } of a log-normal distribution');

/** Whole seconds; `null` = `none`. */
export const secondsOrNone = z
  .string({ error: 'must be whole seconds such as 3s, or none' })
  .regex(/^(\d{1,5}s|none)$/, { error: 'must be whole seconds such as 3s, or none' })
  .transform((text) => (text === 'none' ? null : Number.parseInt(text, 10)))
  .describe('whole seconds such as 3s, or none');

/** 0 to 1. */
export const share = z
  .string({ error: `must be ${SHARE_FORM}` })
  .regex(/^(100|\d{1,2}(\.\d{1,6})?)%$/, { error: `must be ${SHARE_FORM}, at most 100%` })
  .transform((text) => Number.parseFloat(text) / 100)
  .describe(SHARE_FORM);

const PER_MS: Readonly<Record<string, number>> = { s: 1_000, min: 60_000, h: 3_600_000 };

/** Requests. A sliding window remembers each of them, so a typing error must not fill the memory. */
const RATE_LIMIT_MAX = 1_000_000;

/** `limit` requests in `perMs`. */
export const rate = z
  .string({ error: `must be ${RATE_FORM}` })
  .regex(/^[1-9]\d{0,6}\/([1-9]\d{0,4})?(s|min|h)$/, { error: `must be ${RATE_FORM}` })
  .transform((text) => {
    const [limit = '', period = ''] = text.split('/');
    const unit = period.replace(/^\d+/, '');
    return { limit: Number(limit), perMs: (Number.parseInt(period, 10) || 1) * (PER_MS[unit] ?? 0) };
  })
  .refine(({ limit }) => limit <= RATE_LIMIT_MAX, { error: `must allow at most ${RATE_LIMIT_MAX} requests` })
  .describe(RATE_FORM);

/** Matches the texts that fit `pattern` as a whole; `*` stands for any characters, case is ignored. */
export function patternExpression(pattern: string): RegExp {
  const literals = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${literals.join('.*')}$`, 'i');
}
