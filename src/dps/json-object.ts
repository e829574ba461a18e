export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Parses a JSON object; `null` = `text` is something else. */
export function parseObject(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** The members that are there: many clients write `null` for what they leave out. */
export function withoutNulls(value: object): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null));
}
