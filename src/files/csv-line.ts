/**
 * Formats one record of a CSV file (RFC 4180, ending in a line feed). Quotes fields that contain a comma, a quote or a line end;
 * writes `null` as an empty field.
 */
export function csvLine(values: readonly (string | number | boolean | null)[]): string {
  return `${values.map(csvField).join(',')}\n`;
}

function csvField(value: string | number | boolean | null): string {
  const text = value === null ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The name of a fleet's column in a file that has columns of its own. */
export function fleetColumn(name: string, own: readonly string[]): string {
  return own.includes(name) ? `fleet_${name}` : name;
}
