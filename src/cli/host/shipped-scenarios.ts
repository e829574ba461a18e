import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { packageFile } from '../../files/package-files.ts';
import { OperatorError, problem } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import { similarWord } from '../../problem/similar-word.ts';

const FOLDER = packageFile('scenarios');
const EXTENSION = '.yaml';

type ShippedScenario = {
  readonly name: string;
  readonly file: string;
  readonly text: string;
  /** Its purpose, from the comment in the second line. */
  readonly about: string;
};

/** The bundled scenarios, sorted by name. */
export function shippedScenarios(): readonly ShippedScenario[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith(EXTENSION))
    .map((file) => basename(file, EXTENSION))
    .sort()
    .map((name) => {
      const file = join(FOLDER, `${name}${EXTENSION}`);
      const text = readFileSync(file, 'utf8');
      return { name, file, text, about: (text.split('\n')[1] ?? '').replace(/^# /, '') };
    });
}

/** @throws OperatorError `usage` if no bundled scenario has this name. */
export function shippedScenario(name: string): ShippedScenario {
  const scenarios = shippedScenarios();
  const scenario = scenarios.find((shipped) => shipped.name === name);
  if (scenario !== undefined) return scenario;
  const names = scenarios.map((shipped) => shipped.name);
  const similar = similarWord(name, names);
  const remedy = similar === null ? `Choose one of ${names.join(', ')}` : `Write ${similar}`;
  throw new OperatorError('usage', [problem(`no bundled scenario is named ${quoteValue(name)}`, remedy)]);
}

/** The files that a bundled scenario names, and those that they name: relative to its folder, sorted. */
export function companionsOf(text: string, folder = ''): readonly string[] {
  const settings = text.replace(/#.*$/gm, '');
  const named = [...settings.matchAll(/\b(?:file|config|webhookFile): ([\w./-]+)/g)].map(([, file = '']) =>
    join(folder, file),
  );
  const further = named
    .filter((file) => file.endsWith(EXTENSION))
    .flatMap((file) => companionsOf(readFileSync(join(FOLDER, file), 'utf8'), dirname(file)));
  return [...named, ...further].sort();
}
