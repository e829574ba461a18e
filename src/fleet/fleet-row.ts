/** One usable row of the fleet CSV. */
export type FleetRow = {
  /** Place in the fleet, 0-based, header not counted: the journal's key. */
  readonly row: number;
  readonly registrationId: string;
  readonly group: string | null;
  readonly expectedHub: string | null;
  /** base64. */
  readonly deviceKey: string | null;
  /** Paths as they stand in the CSV, relative to its folder. */
  readonly certificateFile: string | null;
  readonly keyFile: string | null;
  /** JSON text. */
  readonly payloadJson: string | null;
  /** Values of the columns that dpsload does not know, in their order. */
  readonly otherValues: readonly string[];
};
