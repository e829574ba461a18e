import type { LoadShape } from '../load/load-shape.ts';
import type { SourceOfWork } from './source-of-work.ts';
import type { StopRule } from './stop-rule.ts';

/** A part of a session that must be settled before the next begins: the canary, or one round over the fleet. */
export type Leg = {
  readonly round: number;
  readonly shape: LoadShape;
  /** Beside those of the whole session. */
  readonly rules: readonly StopRule[];
  readonly openSource: () => SourceOfWork;
};
