import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HUB_WEIGHTS, HUBS_BY_NAME } from '../../src/scenario/notation/lists.ts';
import { printScenario } from '../../src/scenario/read/print-scenario.ts';
import { type ResolvedScenario, resolveScenario } from '../../src/scenario/read/resolve-scenario.ts';
import { operatorError } from '../support/fleet-file.ts';

const HEAD = 'version: 1\ntarget: { emulator: {} }\nfleet: { file: f.csv }\n';

function resolve(text: string, flags = {}): ResolvedScenario {
  return resolveScenario({ flags, environment: {}, cores: 2, scenarioFile: { file: 's.yaml', text: HEAD + text } });
}

describe('what is expected of the allocation', () => {
  it.each<[string, string, object]>([
    ['one hub', 'expected: Hub-A', { by: 'fleet', cohorts: [{ name: '', hubs: [{ hub: 'hub-a', weight: 1 }] }] }],
    [
      'a list of hubs',
      'expected: [a, b]',
      {
        cohorts: [
          {
            name: '',
            hubs: [
              { hub: 'a', weight: 1 },
              { hub: 'b', weight: 1 },
            ],
          },
        ],
      },
    ],
    [
      'weights, and one hub that is to get nothing',
      'expected: { a.net: 2, b.net: 0.5, c.net: 0 }',
      {
        cohorts: [
          {
            hubs: [
              { hub: 'a.net', weight: 2 },
              { hub: 'b.net', weight: 0.5 },
              { hub: 'c.net', weight: 0 },
            ],
          },
        ],
      },
    ],
    [
      'hubs for each group, in any form',
      'groups: { line-a: a, line-b: [a, b], line-c: { a: 3, b: 1 } }',
      {
        by: 'group',
        cohorts: [{ name: 'line-a' }, { name: 'line-b' }, { name: 'line-c', hubs: [{ weight: 3 }, { weight: 1 }] }],
      },
    ],
    ['the rows', 'byRow: true', { by: 'row', cohorts: [] }],
    ['an earlier run, beside the scenario', 'asRun: results/before', { by: 'fleet', asRun: 'results/before' }],
    ['movement alone', 'reprovision: never', { cohorts: [], reprovision: 'never', moved: null }],
  ])('is %s', (_, text, expected) => {
    const { allocation } = resolve(`allocation: { ${text} }\n`).scenario;
    expect(allocation).toMatchObject({ tolerance: 0.02, confidence: 0.95, ...expected });
  });

  it.each<[string, string, number, string]>([
    ['twice', 'expected: a, byRow: true', 4, 'more than one allocation expectation given'],
    ['a policy alone', 'policy: even', 4, 'has no effect without an expectation'],
    [
      'uneven weights of an even policy',
      'policy: even, expected: { a: 2, b: 1 }',
      4,
      'the policy even requires equal weights',
    ],
    ['two hubs of a static policy', 'policy: static, expected: [a, b]', 4, 'the policy static requires one hub'],
    ['a hub twice', 'expected: [a, A]', 4, 'is not a list of hubs'],
    ['no weight above 0', 'expected: { a: 0 }', 4, 'is not a list of hubs'],
    ['certainty', 'expected: a, confidence: 100%', 4, 'no number of devices can give 100% confidence'],
    [
      'movement under never',
      'expected: a, reprovision: never, moved: 5%',
      4,
      'with reprovision never, no device moves',
    ],
    ['regions without one', 'regions: { europe: a }', 4, 'but the run has no region'],
    ['a tolerance without a percent sign', 'expected: a, tolerance: 2', 4, 'is not a percentage'],
  ])('and not %s', async (_, text, line, message) => {
    const { problems } = await operatorError(() => resolve(`allocation: { ${text} }\n`));
    expect(problems.map((problem) => problem.line)).toEqual([line]);
    expect(problems[0]?.message).toContain(message);
  });

  it('of regions is that of the run, which must be one of them', async () => {
    const text = 'allocation: { regions: { europe: a, america: b } }\n';
    expect(resolve(text, { region: 'america' }).scenario).toMatchObject({
      region: 'america',
      allocation: { by: 'region' },
    });
    const { problems } = await operatorError(() => resolve(text, { region: 'asia' }));
    expect(problems[0]).toMatchObject({ message: 'no hubs are expected for the region "asia"' });
  });

  it('of regions needs none of the run where agents say where they are', async () => {
    const text = 'allocation: { regions: { europe: a, america: b } }\n';
    expect(resolve(text, { agents: '2' }).scenario).toMatchObject({ region: null, allocation: { by: 'region' } });
    const { problems } = await operatorError(() => resolve(text, { agents: '2', region: 'asia' }));
    expect(problems[0]).toMatchObject({ message: 'no hubs are expected for the region "asia"' });
  });

  it.each([
    'policy: weighted, expected: { a.net: 2, b.net: 1 }, tolerance: 1.5%, confidence: 99%',
    'groups: { line-a: a, line-b: { a: 3, b: 1 } }, reprovision: migrate, moved: 0%',
    'byRow: true, reprovision: reset, moved: 12.5%',
  ])('is printed as a scenario that says the same: %s', (text) => {
    const resolved = resolve(`allocation: { ${text} }\nregion: north\nleftBehind: true\n`);
    const scenarioFile = { file: 'printed.yaml', text: printScenario(resolved) };
    const again = resolveScenario({ flags: {}, environment: {}, cores: 2, scenarioFile });
    expect(again.scenario.allocation).toEqual(resolved.scenario.allocation);
    expect(again.scenario).toMatchObject({ region: 'north', listsLeftBehind: true });
  });
});

describe('hubs with weights', () => {
  const hub = fc.stringMatching(/^[a-z0-9](?:[a-z0-9.-]{0,20}[a-z0-9])?$/);
  const hubs = fc
    .uniqueArray(fc.record({ hub, weight: fc.integer({ min: 0, max: 1_000 }) }), {
      minLength: 1,
      selector: (each) => each.hub,
    })
    .filter((list) => list.some(({ weight }) => weight > 0));
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/);
  const cohorts = fc.uniqueArray(fc.record({ name, hubs }), { minLength: 1, selector: (each) => each.name });

  it('read as they are shown', () => {
    fc.assert(
      fc.property(hubs, (value) => {
        expect(HUB_WEIGHTS.read(HUB_WEIGHTS.show(value))).toEqual({ value });
      }),
    );
    fc.assert(
      fc.property(cohorts, (value) => {
        expect(HUBS_BY_NAME.read(HUBS_BY_NAME.show(value))).toEqual({ value });
      }),
    );
  });
});
