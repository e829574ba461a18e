/** One registration released to a worker: a fleet row with its launch number and its intended start. */
export type Launch = {
  readonly row: number;
  readonly round: number;
  readonly sequence: number;
  readonly registrationId: string;
  readonly group: string | null;
  readonly expectedHub: string | null;
  readonly otherValues: readonly string[];
  /** base64, from the CSV. `null` = derived from the group's key. */
  readonly deviceKey: string | null;
  /** As written in the CSV. */
  readonly certificateFile: string | null;
  readonly keyFile: string | null;
  /** Custom data for the allocation webhook, as JSON text. */
  readonly payloadJson: string | null;
  /** On the run's clock. `null` in the closed model: the launch starts as soon as a slot is free. */
  readonly intendedAtMs: number | null;
  /** How long quota, governor or a suspension of the process holds the start back. */
  readonly heldMs: number;
  /** Earliest start on the run's clock: the intended start, or the start of its permit's validity. `null` = at once. */
  readonly notBeforeMs: number | null;
  /**
   * On the run's clock: its first register request needs no further permit until then. `null` = as long after its start as the policy says, since
   * no quota bounds the run.
   */
  readonly permitUntilMs: number | null;
};
