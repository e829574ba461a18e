import { expect, it } from 'vitest';
import { shippedScenarios } from '../../src/cli/shipped-scenarios.ts';
import { documentedLines, runScenario } from '../support/shipped-scenario-runs.ts';

const SECONDS_MAX = 60;

it.each(shippedScenarios())('$name ends well in under a minute, and prints what its comment says', async ({
  name,
  text,
}) => {
  const startedAt = performance.now();
  const { code, stdout, stderr } = await runScenario(name);
  const seconds = (performance.now() - startedAt) / 1_000;
  expect([code, stderr.includes('rror')]).toEqual([0, false]);
  for (const line of documentedLines(text)) expect(stdout.split('\n').map((each) => each.trim())).toContain(line);
  expect(seconds).toBeLessThan(SECONDS_MAX);
});
