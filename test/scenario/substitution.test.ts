import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { substitute, withoutReferences } from '../../src/scenario/read/read-scenario.ts';

const inBrackets = (name: string): string => `<${name}>`;

describe('references to environment variables', () => {
  it.each([
    [`\${A}`, '<A>'],
    [`x-\${A}-\${B}.csv`, 'x-<A>-<B>.csv'],
    [`\${}`, '<>'],
    [`$\${A}`, `\${A}`],
    [`$$\${A}`, `$\${A}`],
    ['$A $$ {A}', '$A $$ {A}'],
    [`\${A`, `\${A`],
    ['', ''],
  ])('in %j become %j', (written, text) => {
    expect(substitute(written, inBrackets)).toBe(text);
  });

  it('are not substituted again in what a variable holds', () => {
    expect(substitute(`\${A}`, () => `\${B}`)).toBe(`\${B}`);
    expect(substitute(`\${A}`, () => '$&')).toBe('$&');
  });

  it('are escaped so that any text survives', () => {
    const parts = fc.array(fc.oneof(fc.constantFrom('$', '{', '}', `\${A}`), fc.string()));
    fc.assert(
      fc.property(parts, (pieces) => {
        const text = pieces.join('');
        expect(substitute(withoutReferences(text), inBrackets)).toBe(text);
      }),
    );
  });
});
