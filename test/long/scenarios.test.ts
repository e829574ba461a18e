import { expect, it } from 'vitest';
import { shippedScenarios } from '../../src/cli/host/shipped-scenarios.ts';
import { documentedLines, runScenario } from '../support/shipped-scenario-runs.ts';

it.each(shippedScenarios())('$name ends well, and prints what its comment says', async ({ name, text }) => {
  const { code, stdout, stderr } = await runScenario(name);
  expect([code, stderr.includes('rror')]).toEqual([0, false]);
  const printed = stdout.split('\n').map((line) => line.trim());
  for (const line of documentedLines(text)) expect(printed).toContain(line);
});
