import type { Fact, FactGroup } from './fact.ts';

const VERDICTS = ['right', 'choice', 'missing'] as const;

/** One line that says how many facts have which verdict; `src/emulator/README.md` has it too. */
export function summaryLine(groups: readonly FactGroup[]): string {
  const facts = groups.flatMap((group) => group.facts);
  const [right, choices, missing] = VERDICTS.map((verdict) => facts.filter((fact) => fact.verdict === verdict).length);
  return `Of ${facts.length} facts, the emulator does ${right} as the service does; ${choices} are choices; ${missing} are missing.`;
}

/** `src/emulator/FACTS.md`. */
export function factsPage(groups: readonly FactGroup[]): string {
  const lines = [
    '# What the emulator does, fact by fact',
    '',
    summaryLine(groups),
    '',
    'A test checks each row: one that is *right*, or a *choice*, must pass against the emulator, and one that is *missing* must not. The',
    'test writes this page: `npx vitest run --config test/vitest.config.ts test/emulator/facts -u`.',
    '',
    '- **Evidence: D** documented, or observed at the service or in an official SDK · **I** inferred from such facts · **C** nobody knows.',
    "- **Section** is that of the project's collection of facts: 1 to 9, its checklist D, A for HTTPS and B for WebSocket, F for its sequel.",
    '- **AD**: MicrosoftDocs/azure-docs, `articles/iot-dps/` · **SPEC**: Azure/azure-rest-api-specs · **NODE, C, CS, JAVA, PY**:',
    '  Azure/azure-iot-sdk-node, -c, -csharp, -java, -python · **SDKC**: Azure/azure-sdk-for-c · **IIS**: Azure/iot-identity-service.',
    '',
    '| | right | choice | missing |',
    '| --- | --- | --- | --- |',
    ...groups.map((group) => `| [${group.title}](#${anchorOf(group)}) | ${countsOf(group).join(' | ')} |`),
  ];
  for (const group of groups) lines.push('', ...groupLines(group));
  return `${lines.join('\n')}\n`;
}

function groupLines({ title, sources, facts }: FactGroup): readonly string[] {
  return [
    `## ${title}`,
    '',
    `Sources: ${sources}.`,
    '',
    '| section | fact | evidence | verdict |',
    '| --- | --- | --- | --- |',
    ...facts.map(
      (fact) => `| ${fact.section} | ${cell(fact.statement)} | ${fact.evidence} | ${cell(verdictOf(fact))} |`,
    ),
  ];
}

function verdictOf(fact: Fact): string {
  if (fact.verdict === 'missing') return '**missing**';
  if (fact.verdict === 'right') return fact.change === undefined ? 'right' : `right; \`${fact.change}\` changes it`;
  const change = fact.change === null ? 'cannot be changed' : `\`${fact.change}\` changes it`;
  return `choice: ${fact.reason}; ${change}`;
}

/** Of GitHub. */
function anchorOf({ title }: FactGroup): string {
  return title
    .toLowerCase()
    .replace(/[^\w -]/g, '')
    .replaceAll(' ', '-');
}

function countsOf({ facts }: FactGroup): readonly number[] {
  return VERDICTS.map((verdict) => facts.filter((fact) => fact.verdict === verdict).length);
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
