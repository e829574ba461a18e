/** One registration released to a worker: a fleet row with its launch number and its intended start. */
export type Launch = {
  readonly row: number;
  readonly round: number;
  readonly sequence: number;
  readonly registrationId: string;
  readonly group: string | null;
  readonly expectedHub: string | null;
  readonly otherValues: readonly string[];
  /** base64; from the CSV. `null` = derived from the group's key. */
  readonly deviceKey: string | null;
  /** As they stand in the CSV. */
  readonly certificateFile: string | null;
  readonly keyFile: string | null;
  /** Custom data for the allocation webhook, as JSON text. */
  readonly payloadJson: string | null;
  /** Of the run's clock. `null` in the closed model: the start is intended for the moment a slot is free. */
  readonly intendedAtMs: number | null;
  /** How much later than intended it may start, for the sake of quota, governor or a standstill. */
  readonly heldMs: number;
  /** Must not start before, of the run's clock: its intended start, or when its permit is valid. `null` = at once. */
  readonly notBeforeMs: number | null;
};
