/** Whether all of `text` fits `pattern`, in which `*` stands for any characters; case-insensitive. */
export function fitsPattern(pattern: string, text: string): boolean {
  return patternExpression(pattern).test(text);
}

export function patternExpression(pattern: string): RegExp {
  const literals = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${literals.join('.*')}$`, 'i');
}
