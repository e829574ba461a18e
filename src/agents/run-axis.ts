import type { FromWorker, ToWorker } from '../worker/worker-messages.ts';

/** Members of launches, outcomes and messages that are moments on the run's clock. Every other time in them is a duration. */
const MOMENTS = [
  'intendedAtMs',
  'notBeforeMs',
  'permitUntilMs',
  'validUntilMs',
  'startedAtMs',
  'finishedAtMs',
  'sinceMs',
  'atMs',
  'aliveAtMs',
] as const;

/** Members that list what has moments of its own. */
const LISTS = ['launches', 'outcomes', 'losses'] as const;

/** A copy of the message with its moments moved to an axis on which they are `byMs` later. */
export function shifted<Message extends ToWorker | FromWorker>(message: Message, byMs: number): Message {
  const moved = withMoments<Record<string, unknown>>(message, byMs);
  for (const name of LISTS) {
    const listed = moved[name];
    if (Array.isArray(listed)) moved[name] = listed.map((one: object) => withMoments(one, byMs));
  }
  return moved as Message;
}

function withMoments<Value extends object>(value: object, byMs: number): Value {
  const moved: Record<string, unknown> = { ...value };
  for (const name of MOMENTS) {
    const momentMs = moved[name];
    if (typeof momentMs === 'number') moved[name] = momentMs + byMs;
  }
  return moved as Value;
}
