import type { z } from 'zod';

/**
 * A line of the state file, which takes the place of earlier ones about the same thing. `kind` says what it is about, `idScope` to
 * which instance it belongs; `null` = to none.
 */
export type StateLine = { readonly kind: string; readonly idScope: string | null };

/** One kind of line: how it is read back, and which lines say everything that there is. */
export type StateKind = {
  readonly kind: string;
  /** Enters what a line says. @throws StateLineError */
  readonly apply: (line: unknown) => void;
  /** Called once, after all lines of all kinds have been entered. */
  readonly complete: (nowMs: number) => void;
  /** May go on while the state changes: what changes meanwhile is told by lines of its own. */
  readonly lines: () => Iterable<StateLine>;
};

/** A line that does not say what its kind needs; the message is the end of a sentence. */
export class StateLineError extends Error {
  override readonly name = 'StateLineError';
}

/** @throws StateLineError */
export function parseLine<Line>(schema: z.ZodType<Line>, line: unknown): Line {
  const parsed = schema.safeParse(line);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new StateLineError(`is not valid: ${issue?.path.join('.')}: ${issue?.message}`);
}
