import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { companionsOf, shippedScenarios } from '../../../src/cli/host/shipped-scenarios.ts';

describe.each(shippedScenarios())('the bundled scenario $name', ({ file, text }) => {
  it('says that a copy needs another fleet', () => {
    const [comments = ''] = text.split('\nversion: 1\n');
    expect(comments).toMatch(/^# {3}Set fleet\.file to your fleet/m);
  });

  it('is known to read its fleet, and no file that is not there', () => {
    const companions = companionsOf(text);
    expect(companions.filter((companion) => !existsSync(join(dirname(file), companion)))).toEqual([]);
    expect(companions).toContainEqual(expect.stringMatching(/-fleet\.csv$/));
  });
});

it('counts what the configuration of the emulator names among the files that a copy needs', () => {
  const custom = shippedScenarios().find(({ name }) => name === 'custom-webhook');
  expect(companionsOf(custom?.text ?? '')).toEqual([
    'emulator/allocation-webhook.mjs',
    'emulator/custom.yaml',
    'sites-fleet.csv',
  ]);
});
