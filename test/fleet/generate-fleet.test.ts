import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generatedRegistrationId, generateFleet } from '../../src/fleet/generate-fleet.ts';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import { surveyFleet } from '../../src/fleet/survey-fleet.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

describe('a generated fleet', () => {
  it.each([1, 999, 1_000, 1_001, 2_500])('of %d devices can be used', async (count) => {
    const file = join(folder, `${count}.csv`);
    await generateFleet(count, 'line-a', createWriteStream(file), true);
    const fleet = { file, delimiter: ',', header: true, columns: {} };
    const survey = await surveyFleet(fleet, { keys: 'for-every-row' });
    expect(survey).toMatchObject({ rows: count, otherColumns: [] });
    const ids: string[] = [];
    for await (const { registrationId } of readFleet(fleet, survey)) ids.push(registrationId);
    expect([ids[0], ids.at(-1)]).toEqual(['line-a-000001', `line-a-${String(count).padStart(6, '0')}`]);
  });

  it.each([
    [1, 1, 'd-000001'],
    [7, 1_000_000, 'd-0000007'],
    [10_000_000, 10_000_000, 'd-10000000'],
  ])('numbers device %d of %d as %s', (number, count, id) => {
    expect(generatedRegistrationId('d', number, count)).toBe(id);
  });
});
