/**
 * Splits `total` into `parts` whole shares that sum to it; the first `total % parts` get one more.
 * @throws when `parts` is no positive whole number, or `total` no whole number from 0.
 */
export function shares(total: number, parts: number): readonly number[] {
  if (!Number.isInteger(parts) || parts < 1) throw new Error(`parts must be a positive whole number, not ${parts}`);
  if (!Number.isInteger(total) || total < 0) throw new Error(`total must be a whole number from 0, not ${total}`);
  const share = Math.floor(total / parts);
  const larger = total % parts;
  return Array.from({ length: parts }, (_, index) => (index < larger ? share + 1 : share));
}
