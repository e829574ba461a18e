/*
 * `${NAME}` in a value of a scenario stands for an environment variable. A `$` more takes that meaning away: of two or more
 * before a `{` one is dropped, and `$${NAME}` is the text `${NAME}`.
 */
const REFERENCE = /\$(\$+\{)|\$\{([^}]*)\}/g;

/** Puts in what `valueNamed` says of each name. */
export function substitute(written: string, valueNamed: (name: string) => string): string {
  return written.replace(REFERENCE, (_, literal: string | undefined, name: string) => literal ?? valueNamed(name));
}

/** What is to be written for `text`, so that nothing is put into it. */
export function withoutReferences(text: string): string {
  return text.replace(/\$+\{/g, (dollars) => `$${dollars}`);
}
