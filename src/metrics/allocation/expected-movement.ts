import type { HubWeight } from '../../scenario/allocation-expectation.ts';

/** Parts of 1 of all devices. */
export type ExpectedMovement = {
  /** What has to move so that the shares come true: half the sum of their differences. A policy that hashes devices consistently moves no more. */
  readonly least: number;
  /** What moves when every device is given a hub anew, regardless of where it was: 1 − Σ before · after. */
  readonly redrawn: number;
};

/** When hubs are added, removed or re-weighted, and every device registers again. */
export function expectedMovement(before: readonly HubWeight[], after: readonly HubWeight[]): ExpectedMovement {
  const [sharesBefore, sharesAfter] = [sharesOf(before), sharesOf(after)];
  let [least, stay] = [0, 0];
  for (const hub of new Set([...sharesBefore.keys(), ...sharesAfter.keys()])) {
    const [was, is] = [sharesBefore.get(hub) ?? 0, sharesAfter.get(hub) ?? 0];
    least += Math.abs(is - was) / 2;
    stay += was * is;
  }
  return { least, redrawn: 1 - stay };
}

/** Each weight as a part of their sum, by hub. */
export function sharesOf(weights: readonly HubWeight[]): ReadonlyMap<string, number> {
  const sum = weights.reduce((total, { weight }) => total + weight, 0);
  return new Map(weights.map(({ hub, weight }) => [hub, sum === 0 ? 0 : weight / sum]));
}
