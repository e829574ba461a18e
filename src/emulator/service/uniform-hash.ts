import { hash } from 'node:crypto';

/** A number in (0, 1) that depends on `parts` alone, uniform over them: 48 bits of SHA-256, moved off both ends. */
export function uniformHash(...parts: readonly (string | number)[]): number {
  return (hash('sha256', parts.join('\n'), 'buffer').readUIntBE(0, 6) + 0.5) / 2 ** 48;
}
