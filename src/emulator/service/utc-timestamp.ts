/** `2022-08-31T22:02:50.5163352Z`: the service writes seven fraction digits; the last four are 0 here. */
export function utcTimestamp(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '0000Z');
}
