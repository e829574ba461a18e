import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';

/** A folder of its own for the tests of one file. Every summary.json that they leave in it must be as its published schema says. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'dpsload-test-'));
  afterAll(async () => {
    try {
      await expectValidSummaries(folder);
    } finally {
      // Without trying again: a folder that fills while it is removed belongs to a process that its test has not waited for.
      rmSync(folder, { recursive: true, force: true });
    }
  });
  return folder;
}

async function expectValidSummaries(folder: string): Promise<void> {
  const entries = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const files = entries.filter((entry) => /(^|[/\\])summary\.json$/.test(entry));
  if (files.length === 0) return;
  const { summaryProblems } = await import('./summary-schema.ts');
  const problems = files.map((file) => [file, summaryProblems(readFileSync(join(folder, file), 'utf8'))]);
  expect(problems.filter(([, found]) => found !== null)).toEqual([]);
}
