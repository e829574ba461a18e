import type { FactBench } from './fact-bench.ts';

/** `D`: documented, or observed at the service or in an official SDK. `I`: inferred from such facts. `C`: nobody knows. */
export type Evidence = 'D' | 'I' | 'C';

export type Check = (bench: FactBench) => Promise<void> | void;

type Stated = {
  /** Unique; `npx vitest -t ID` checks this fact alone. */
  readonly id: string;
  /** Of the fact sheet: 1 to 9 and A to D of the first, F1 to F5 of the further one. */
  readonly section: string;
  readonly evidence: Evidence;
  /** What the service does; for a choice, what the emulator does. */
  readonly statement: string;
  /** Passes if the emulator does what is stated. */
  readonly check: Check;
};

/** One row of the fact sheets' checklists, with its verdict. */
export type Fact =
  | (Stated & { readonly verdict: 'right'; readonly change?: string })
  /** `change`: the switch; `null` = there is none. */
  | (Stated & { readonly verdict: 'choice'; readonly reason: string; readonly change: string | null })
  | (Stated & { readonly verdict: 'missing' });

export type FactGroup = {
  readonly title: string;
  /** Where the facts come from, in the fact sheet's abbreviations. */
  readonly sources: string;
  readonly facts: readonly Fact[];
};

/** @param place section and evidence, such as `2.5 D` */
export function right(id: string, place: `${string} ${Evidence}`, statement: string, check: Check): Fact {
  return { id, ...parsed(place), statement, verdict: 'right', check };
}

/** A fact that holds by default, and that a switch changes. */
export function rightUnless(
  change: string,
  [id, place, statement]: readonly [id: string, place: `${string} ${Evidence}`, statement: string],
  check: Check,
): Fact {
  return { id, ...parsed(place), statement, verdict: 'right', change, check };
}

/** @param place section, and evidence where something is known that the emulator does not do by default */
export function choice(
  [id, place, statement]: readonly [id: string, place: string, statement: string],
  reason: string,
  change: string | null,
  check: Check,
): Fact {
  const at = / [DI]$/.test(place) ? parsed(place) : { section: place, evidence: 'C' as const };
  return { id, ...at, statement, verdict: 'choice', reason, change, check };
}

export function missing(id: string, place: `${string} ${Evidence}`, statement: string, check: Check): Fact {
  return { id, ...parsed(place), statement, verdict: 'missing', check };
}

function parsed(place: string): { readonly section: string; readonly evidence: Evidence } {
  const at = place.lastIndexOf(' ');
  return { section: place.slice(0, at), evidence: place.slice(at + 1) as Evidence };
}
