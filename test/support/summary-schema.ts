import { readFileSync } from 'node:fs';
import { z } from 'zod';

const FILE = new URL('../../scenarios/summary.schema.json', import.meta.url);

/** The JSON Schema of summary.json, as the package brings it. */
export const PUBLISHED_SCHEMA = JSON.parse(readFileSync(FILE, 'utf8')) as z.core.JSONSchema.JSONSchema;

const published = z.fromJSONSchema(PUBLISHED_SCHEMA);

/** What the published schema has against the text of a summary.json; `null` = nothing. */
export function summaryProblems(text: string): string | null {
  const { error } = published.safeParse(JSON.parse(text));
  return error === undefined ? null : z.prettifyError(error);
}
