import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { shippedScenario, shippedScenarios } from '../../src/cli/host/shipped-scenarios.ts';
import { resolveScenario } from '../../src/scenario/read/resolve-scenario.ts';
import { scenarioFileSchema, scenarioSchema } from '../../src/scenario/read/scenario-schema.ts';
import { SETTING_NAMES, settingNamed } from '../../src/scenario/settings/settings.ts';
import { operatorError } from '../support/fleet-file.ts';

type Schema = { readonly properties?: Readonly<Record<string, Schema>>; readonly description?: string };

const SCHEMA_FILE = new URL('../../scenarios/scenario.schema.json', import.meta.url);

describe('a bundled scenario', () => {
  it.each(shippedScenarios())('$name can be run, names its schema, and says what it is for', ({
    file,
    text,
    about,
  }) => {
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=scenario.schema.json');
    expect(about).toMatch(/^[A-Z].{20,}/);
    const scenarioFile = { file, text };
    const flags = {
      ...(text.includes('fleet:') ? {} : { fleet: 'f.csv' }),
      ...(text.includes('target:') ? {} : { emulator: 'true' }),
    };
    const { scenario } = resolveScenario({ flags, environment: {}, scenarioFile, cores: 2 });
    expect(scenario.thresholds.length).toBeGreaterThan(0);
  });

  it('is found by its name alone', async () => {
    expect(shippedScenario('first-run').file).toMatch(/scenarios[/\\]first-run\.yaml$/);
    expect((await operatorError(() => shippedScenario('firstrun'))).message).toContain('Write first-run');
    expect((await operatorError(() => shippedScenario('../package'))).message).toContain(
      'Choose one of custom-webhook',
    );
  });
});

describe('the JSON Schema of scenarios', () => {
  it('is published as it is', () => {
    const message = 'dpsload scenario schema > scenarios/scenario.schema.json';
    expect(JSON.parse(readFileSync(SCHEMA_FILE, 'utf8')), message).toEqual(
      JSON.parse(JSON.stringify(scenarioSchema())),
    );
  });

  it.each(SETTING_NAMES)('describes %s', (name) => {
    const { key, help } = settingNamed(name);
    const at = key
      .split('.')
      .reduce<Schema | undefined>((schema, step) => schema?.properties?.[step], scenarioSchema());
    expect(at?.description).toContain(help);
  });

  it('allows no more than a scenario may hold', () => {
    expect(scenarioSchema()).toMatchObject({ additionalProperties: false, required: ['version'] });
    expect(scenarioFileSchema().safeParse({ version: 1, loda: {} }).success).toBe(false);
  });
});
