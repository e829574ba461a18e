import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { emulatorConfigSchema } from '../../../src/emulator/config/emulator-schema.ts';
import { allocationFacts } from './allocation.facts.ts';
import { connectFacts } from './connect.facts.ts';
import { enrollmentFacts } from './enrollment.facts.ts';
import { FactBench } from './fact-bench.ts';
import { factsPage, summaryLine } from './facts-page.ts';
import { faultFacts } from './fault.facts.ts';
import { httpsFacts } from './https.facts.ts';
import { messageFacts } from './message.facts.ts';
import { otherFacts } from './other.facts.ts';
import { pollFacts } from './poll.facts.ts';
import { registerFacts } from './register.facts.ts';
import { reprovisioningFacts } from './reprovisioning.facts.ts';
import { serviceApiFacts } from './service-api.facts.ts';
import { throttlingFacts } from './throttling.facts.ts';
import { tlsFacts } from './tls.facts.ts';
import { tokenFacts } from './token.facts.ts';
import { webhookFacts } from './webhook.facts.ts';
import { websocketFacts } from './websocket.facts.ts';

const GROUPS = [
  tlsFacts,
  connectFacts,
  tokenFacts,
  messageFacts,
  registerFacts,
  pollFacts,
  throttlingFacts,
  enrollmentFacts,
  allocationFacts,
  reprovisioningFacts,
  webhookFacts,
  websocketFacts,
  faultFacts,
  httpsFacts,
  serviceApiFacts,
  otherFacts,
];

/** Of one check, most of which take a few milliseconds: a device that waits for an answer in vain would wait for two minutes. */
const TIMEOUT_MS = 20_000;

const bench = new FactBench();
afterAll(() => bench.close());

describe.each(GROUPS)('$title', ({ facts }) => {
  it.each(facts)(
    '$id: $statement ($verdict)',
    async ({ verdict, check }) => {
      const holds = Promise.resolve(bench).then(check);
      if (verdict === 'missing') await expect(holds, 'no longer missing: state the verdict').rejects.toThrow();
      else await holds;
    },
    TIMEOUT_MS,
  );
});

describe('the table', () => {
  const facts = GROUPS.flatMap((group) => group.facts);

  it('states each fact once', () => {
    const texts = facts.flatMap(({ id, statement }) => [id, statement]);
    expect(texts.filter((text, index) => texts.indexOf(text) !== index)).toEqual([]);
  });

  it('names switches that there are', () => {
    const schema = JSON.stringify(emulatorConfigSchema());
    const keys = facts.flatMap((fact) => ('change' in fact && fact.change !== null ? fact.change.split(' ') : []));
    const unknown = keys.filter((key) => !key.startsWith('-') && !schema.includes(`"${key.split('.').at(-1)}":`));
    expect(unknown).toEqual([]);
  });

  it('is a page, and counted on the page of the emulator', async () => {
    await expect(factsPage(GROUPS)).toMatchFileSnapshot('../../../src/emulator/FACTS.md');
    const readme = readFileSync(new URL('../../../src/emulator/README.md', import.meta.url), 'utf8');
    expect(readme.split('\n').filter((line) => /^Of \d+ facts/.test(line))).toEqual([summaryLine(GROUPS)]);
  });
});
