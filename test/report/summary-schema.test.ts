import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JournalRecord } from '../../src/journal/journal-record.ts';
import { type Summary, summaryJson } from '../../src/report/summary.ts';
import { summarySchema } from '../../src/report/summary-schema.ts';
import { makeResults } from '../../src/results/write-results.ts';
import { busyJournal } from '../support/busy-journal.ts';
import { EVEN_THIRDS } from '../support/run-measures.ts';
import { sampleJournal, sessionOf, writeJournal } from '../support/sample-journal.ts';
import { PUBLISHED_SCHEMA, summaryProblems } from '../support/summary-schema.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = temporaryFolder();

async function summaryOf(records: readonly JournalRecord[]): Promise<Summary> {
  const folder = mkdtempSync(join(root, 'run-'));
  writeJournal(join(folder, 'journal.ndjson'), records);
  return (await makeResults(folder, { fleet: null })).summary;
}

type Schema = {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
};

/** Every value that a schema describes, by its path, with what is said of it. */
function* values(
  schema: Schema,
  path: string,
  said = '',
): Generator<readonly [path: string, said: string, schema: Schema]> {
  const { properties = {}, additionalProperties, items, anyOf = [], description = said } = schema;
  for (const [name, member] of Object.entries(properties)) yield* values(member, `${path}.${name}`);
  if (typeof additionalProperties === 'object') yield* values(additionalProperties, `${path}.*`, description);
  if (items !== undefined) yield* values(items, `${path}[]`, description);
  for (const choice of anyOf) yield* values(choice, path, description);
  if (['string', 'number', 'integer'].includes(schema.type ?? '')) yield [path, description, schema];
}

describe('the JSON Schema of summary.json', () => {
  it('is published as it is', () => {
    const message = 'dpsload report --schema > scenarios/summary.schema.json, then npm run format';
    expect(PUBLISHED_SCHEMA, message).toEqual(JSON.parse(JSON.stringify(summarySchema())));
  });

  it('says of every number what it means and in which unit', () => {
    const found = [...values(PUBLISHED_SCHEMA as Schema, '')];
    expect(found.length).toBeGreaterThan(70);
    const isPlain = ({ const: fixed, enum: words }: Schema): boolean => fixed !== undefined || words !== undefined;
    expect(found.filter(([, said, schema]) => said === '' && !isPlain(schema))).toEqual([]);
    const durations = found.filter(([path]) => path.endsWith('Ms'));
    expect(durations.length).toBeGreaterThan(15);
    expect(durations.filter(([, said]) => !said.includes('in milliseconds'))).toEqual([]);
  });

  it.each<[string, readonly JournalRecord[]]>([
    ['with failures, throttles, expected hubs', busyJournal(500, 7)],
    ['of a run without an end', busyJournal(500, 7).slice(0, 300)],
    ['in which nothing has happened yet', [sessionOf(5)]],
    [
      'with thresholds that pass, fail and were not measured',
      sampleJournal(300, 3).map((record) =>
        record.kind === 'session'
          ? { ...record, thresholds: ['count(failed) == 0', 'p95(service) < 1h', 'time_to(100%) < 1s'] }
          : record,
      ),
    ],
    [
      'with a verdict on the allocation policy',
      sampleJournal(300, 4).map((record) =>
        record.kind === 'session'
          ? { ...record, region: 'europe', allocation: { ...EVEN_THIRDS, reprovision: 'migrate', moved: 0.2 } }
          : record,
      ),
    ],
  ])('accepts a summary %s', async (_, records) => {
    expect(summaryProblems(summaryJson(await summaryOf(records)))).toBeNull();
  });

  it.each<[string, (summary: Record<string, unknown>) => unknown]>([
    ['a member that it does not know', (summary) => ({ ...summary, extra: 1 })],
    ['a member that is missing', ({ hubs: _, ...summary }) => summary],
    [
      'a result that there is not',
      (summary) => ({ ...summary, results: { ...(summary['results'] as object), lost: 1 } }),
    ],
    ['a count that is not whole', (summary) => ({ ...summary, possiblyTwice: 0.5 })],
    ['absent as undefined', (summary) => ({ ...summary, name: undefined })],
    ['a share above 1', (summary) => ({ ...summary, hubs: [{ hub: 'a', count: 1, share: 100 }] })],
  ])('refuses %s', async (_, change) => {
    const summary = JSON.parse(summaryJson(await summaryOf(busyJournal(50, 7)))) as Record<string, unknown>;
    expect(summaryProblems(JSON.stringify(change(summary)))).not.toBeNull();
  });
});
