/** Intervals of Simpson's rule: seven digits for the degrees of freedom and tails that occur here. */
const INTERVALS = 100;

/** Halvings of the angle: as exact as the rule. */
const HALVINGS = 32;

/**
 * The value that the absolute value of Student's t exceeds with probability `tail`. With t = √ν tan θ, the density of θ is
 * proportional to cos^(ν − 1) θ, so that P(|T| > t) is the part of that area beyond θ.
 *
 * @param degreesOfFreedom at least 1, not necessarily whole
 */
export function studentQuantile(tail: number, degreesOfFreedom: number): number {
  const areaBeyond = (angle: number): number => cosinePowerArea(angle, degreesOfFreedom - 1);
  const sought = tail * areaBeyond(0);
  let [low, high] = [0, Math.PI / 2];
  for (let halving = 0; halving < HALVINGS; halving += 1) {
    const middle = (low + high) / 2;
    if (areaBeyond(middle) > sought) low = middle;
    else high = middle;
  }
  return Math.sqrt(degreesOfFreedom) * Math.tan(low);
}

/** ∫ cos^power from `angle` to π/2. */
function cosinePowerArea(angle: number, power: number): number {
  const step = (Math.PI / 2 - angle) / INTERVALS;
  let sum = Math.cos(angle) ** power + (power === 0 ? 1 : 0);
  for (let place = 1; place < INTERVALS; place += 1) {
    sum += (place % 2 === 1 ? 4 : 2) * Math.cos(angle + place * step) ** power;
  }
  return (sum * step) / 3;
}
