import { isSecret } from '../../dps/device-key.ts';
import { isSecretName } from '../../fleet/known-columns.ts';
import { isSecretLike } from '../../problem/quote-value.ts';
import type { Notation, Reading } from './notation.ts';

/** What the operator notes about a run, such as who and for which order, by name. */
export type Notes = Readonly<Record<string, string>>;

const NOTES_MAX = 20;
const VALUE_CHARACTERS_MAX = 200;
const NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,31}$/;
const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/** As text: lines `name=text`. Notes are printed and published: nothing that could be a key becomes one. */
export const NOTES: Notation<Notes> = {
  placeholder: 'name=text',
  kind: 'map',
  remedy:
    'Write a name of up to 32 letters, digits, dots, dashes and underscores, then = and up to ' +
    `${VALUE_CHARACTERS_MAX} characters on one line, for example order=4711; never write keys or passwords`,
  read: readNotes,
  show: (notes) =>
    Object.entries(notes)
      .map(([name, text]) => `${name}=${text}`)
      .join('\n'),
  merge: (weaker, stronger) => ({ ...weaker, ...stronger }),
};

function readNotes(text: string): Reading<Notes> {
  const notes = new Map<string, string>();
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=');
    const name = line.slice(0, Math.max(0, equals)).trim();
    const value = line.slice(equals + 1).trim();
    if (isSecretName(name) || isSecret(value) || isSecretLike(line)) {
      return { problem: 'is or may be a secret', isSecret: true };
    }
    const problem = noteProblem(name, value, notes);
    if (problem !== null) return { problem };
    notes.set(name, value);
  }
  return notes.size > NOTES_MAX
    ? { problem: `has more than ${NOTES_MAX} notes` }
    : { value: Object.fromEntries(notes) };
}

function noteProblem(name: string, value: string, before: ReadonlyMap<string, string>): string | null {
  if (!NAME.test(name)) return 'is not a name and a text';
  if (value === '') return `has no text for ${name}`;
  if (value.length > VALUE_CHARACTERS_MAX) return `has more than ${VALUE_CHARACTERS_MAX} characters for ${name}`;
  if (CONTROL.test(value)) return `has a control character in ${name}`;
  return before.has(name) ? `names ${name} twice` : null;
}
