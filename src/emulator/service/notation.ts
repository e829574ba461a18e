import { z } from 'zod';
import { parseDuration } from '../../time/duration.ts';
import type { RateLimit } from './quotas.ts';

const DURATION = 'a duration such as 200ms, 3s, 20m or 1h30m';
const RATE = 'a rate such as 1000/min, 5/10s or 50/s';
const SHARE = 'a share such as 10% or 0.5%';

/** Milliseconds. */
export const durationMs = z
  .string({ error: `must be ${DURATION}` })
  .regex(/^(\d{1,9}h)?(\d{1,9}m(?!s))?(\d{1,9}s)?(\d{1,12}ms)?$/, { error: `must be ${DURATION}` })
  .min(2, { error: `must be ${DURATION}` })
  .transform((text) => parseDuration(text) ?? 0)
  .describe(DURATION);

/** A duration, or two that describe a long tail. */
export const delay = z
  .union([durationMs, z.strictObject({ median: durationMs, p99: durationMs })], {
    error: `must be ${DURATION}, or { median: 200ms, p99: 5s }`,
  })
  .transform((value) => (typeof value === 'number' ? value : { medianMs: value.median, p99Ms: value.p99 }))
  .refine((value) => typeof value === 'number' || (value.medianMs > 0 && value.p99Ms >= value.medianMs), {
    error: 'must have a p99 that is not below its median, and a median above 0',
  })
  .describe('a duration, or { median, p99 } of a log-normal distribution');

/** Whole seconds, or `none`. */
export const secondsOrNone = z
  .string({ error: 'must be whole seconds such as 3s, or none' })
  .regex(/^(\d{1,5}s|none)$/, { error: 'must be whole seconds such as 3s, or none' })
  .transform((text) => (text === 'none' ? null : Number.parseInt(text, 10)))
  .describe('whole seconds such as 3s, or none');

/** 0 to 1. */
export const share = z
  .string({ error: `must be ${SHARE}` })
  .regex(/^(100|\d{1,2}(\.\d{1,6})?)%$/, { error: `must be ${SHARE}, at most 100%` })
  .transform((text) => Number.parseFloat(text) / 100)
  .describe(SHARE);

/** Requests in a time, without the way in which they are counted. */
export type Rate = Pick<RateLimit, 'limit' | 'perMs'>;

const PER_MS: Readonly<Record<string, number>> = { s: 1_000, min: 60_000, h: 3_600_000 };

/** Requests at most, so that a slip of the finger does not fill the memory. */
const RATE_LIMIT_MAX = 1_000_000;

export const rate = z
  .string({ error: `must be ${RATE}` })
  .regex(/^[1-9]\d{0,6}\/([1-9]\d{0,4})?(s|min|h)$/, { error: `must be ${RATE}` })
  .transform(parseRate)
  .refine(({ limit }) => limit <= RATE_LIMIT_MAX, { error: `must be at most ${RATE_LIMIT_MAX} requests in its time` })
  .describe(RATE);

function parseRate(text: string): Rate {
  const [, limit = '', count = '1', unit = ''] = /^(\d+)\/(\d+)?(s|min|h)$/.exec(text) ?? [];
  return { limit: Number(limit), perMs: Number(count) * (PER_MS[unit] ?? 0) };
}

/** Whether all of `text` fits `pattern`, in which `*` stands for any characters; case-insensitive. */
export function fitsPattern(pattern: string, text: string): boolean {
  return patternExpression(pattern).test(text);
}

export function patternExpression(pattern: string): RegExp {
  const literals = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${literals.join('.*')}$`, 'i');
}
