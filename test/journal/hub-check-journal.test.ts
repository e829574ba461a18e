import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LinesByOffset } from '../../src/files/lines-by-offset.ts';
import { hubCheckAt, surveyHubChecks } from '../../src/journal/hub-check-journal.ts';
import { operatorError } from '../support/fleet-file.ts';
import { hubCheck, hubSession, writeHubChecks } from '../support/hub-check-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = temporaryFolder();
const folder = (): string => mkdtempSync(join(root, 'run-'));

describe('the file of hub checks', () => {
  it('gives back what was written, the last check of each device', async () => {
    const failed = hubCheck(4, { result: 'hub-refused', message: 'CONNECT refused with 5', attempts: 7 });
    const records = [
      hubSession(),
      failed,
      hubCheck(1),
      hubCheck(4),
      { kind: 'hub-end', atMs: 9, reason: 'completed' } as const,
    ];
    const file = writeHubChecks(folder(), records, '{"kind":"hub-ch');
    const survey = await surveyHubChecks(file);
    expect(survey).toMatchObject({ session: hubSession(), end: { reason: 'completed' } });
    expect([...(survey?.checks ?? [])].map(([row, { result }]) => [row, result])).toEqual([
      [4, 'passed'],
      [1, 'passed'],
    ]);
    const reader = await LinesByOffset.open(file);
    for (const [row, { offset }] of survey?.checks ?? [])
      expect(await hubCheckAt(reader, offset)).toEqual(hubCheck(row));
    await reader.close();
  });

  it('holds nothing of an earlier session that checked something else', async () => {
    const survey = await surveyHubChecks(
      writeHubChecks(folder(), [hubSession(), hubCheck(1), hubSession({ check: 'twin' }), hubCheck(2)]),
    );
    expect([...(survey?.checks.keys() ?? [])]).toEqual([2]);
    const again = writeHubChecks(folder(), [hubSession(), hubCheck(1), hubSession(), hubCheck(2)]);
    expect([...((await surveyHubChecks(again))?.checks.keys() ?? [])]).toEqual([1, 2]);
  });

  it('may be missing, and may have been cut off before its first line was whole', async () => {
    expect(await surveyHubChecks(join(folder(), 'hub-checks.ndjson'))).toBeNull();
    const file = join(folder(), 'hub-checks.ndjson');
    writeFileSync(file, '{"kind":"hub-se');
    expect(await surveyHubChecks(file)).toBeNull();
  });

  it.each([
    ['{}', /has no known record kind/],
    ['no JSON', /is not JSON/],
    ['{"kind":"hub-check","row":1}', /is not a valid record of hub checks: id is missing/],
    ['{"kind":"hub-session","version":2}', /version is not one of 1/],
  ])('that is damaged is refused with its line: %s', async (line, message) => {
    const file = writeHubChecks(folder(), [hubSession()], `${line}\n`);
    const error = await operatorError(() => surveyHubChecks(file));
    expect(error.problems[0]).toMatchObject({ file, line: 2, message: expect.stringMatching(message) });
  });
});
