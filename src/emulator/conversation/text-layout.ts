type Layout = { readonly columns: number; readonly indent: number };

/** Each text on lines of its own, the first behind the label, all in one column. */
export function labeled(label: string, texts: readonly string[], columns: number): readonly string[] {
  const indent = label.length;
  const lines = texts.flatMap((text) => wrapped(text, { columns, indent }));
  const [first, ...others] = lines;
  return [`${label}${first?.slice(indent) ?? ''}`.trimEnd(), ...others];
}

/** Breaks at blanks, & / and commas, and within a word that is longer than a line. Text of a device must not move the cursor. */
export function wrapped(text: string, { columns, indent }: Layout): readonly string[] {
  const width = columns - indent;
  const lines: string[] = [];
  let line = '';
  for (const word of printable(text).split(/(?<=[ &,/])/)) {
    let rest = word;
    if (line !== '' && line.length + rest.trimEnd().length > width) {
      lines.push(line);
      line = '';
    }
    while (line.length + rest.trimEnd().length > width) {
      lines.push(rest.slice(0, width));
      rest = rest.slice(width);
    }
    line += rest;
  }
  return [...lines, line].map((each) => `${' '.repeat(indent)}${each}`.trimEnd());
}

/** Control and format characters, half characters and line separators as escapes. */
function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}
