import { expect, it } from 'vitest';
import { shippedScenarios } from '../../src/cli/host/shipped-scenarios.ts';
import { HAS_REDIS } from '../support/redis-server.ts';
import { documentedLines, runScenario, startsAgents } from '../support/shipped-scenario-runs.ts';

const SCENARIOS = shippedScenarios();

it.each(SCENARIOS.filter((one) => !startsAgents(one)))('$name ends well, and prints what its comment says', endsWell);
it.skipIf(!HAS_REDIS).each(SCENARIOS.filter(startsAgents))('$name does so too (needs redis-server)', endsWell);

async function endsWell({ name, text }: { readonly name: string; readonly text: string }): Promise<void> {
  const { code, stdout, stderr } = await runScenario(name);
  expect([code, stderr.includes('rror')]).toEqual([0, false]);
  const printed = stdout.split('\n').map((line) => line.trim());
  for (const line of documentedLines(text)) expect(printed).toContain(line);
}
