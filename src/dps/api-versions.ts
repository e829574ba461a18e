/**
 * Every api-version of the service that is known, as the device writes it into its user name. Nobody knows what the real
 * service answers to others.
 */
export const API_VERSIONS: ReadonlySet<string> = new Set([
  // The C SDK of 2017 (azure-iot-sdk-c#273).
  '2017-08-31-preview',
  // The service client of the C SDK; the last that keeps a device at its hub by default (documentation of re-provisioning).
  '2018-04-01',
  // SDKs of 2018 and 2019; the first versions of custom allocation.
  '2018-09-01-preview',
  '2018-11-01',
  // The SDKs for C#, Java, Node.js and Python, and the embedded C SDK.
  '2019-03-31',
  // The first that reports every substatus (azure-iot-sdk-csharp#2397).
  '2019-04-15',
  // The C SDK and IoT Edge.
  '2021-06-01',
  // Azure/azure-rest-api-specs, device part: stable and preview folders.
  '2021-10-01',
  '2021-11-01-preview',
  '2025-07-01-preview',
  '2026-04-01',
  '2026-07-01-preview',
  '2026-11-01',
  '2026-11-02-preview',
  '2026-11-15-preview',
]);

/** Returns whether `text` has the form of an api-version: a day of the calendar, or a preview of that day. */
export function isApiVersion(text: string): boolean {
  const day = /^(\d{4}-\d{2}-\d{2})(-preview)?$/.exec(text)?.[1];
  if (day === undefined) return false;
  const parsed = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(day);
}
