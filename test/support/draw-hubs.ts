import { randomFrom } from './sample-journal.ts';

/** Where so many devices come to by chance, hub by hub in the order of `weights`; the same for the same seed. */
export function drawHubs(devices: number, weights: readonly number[], seed: number): readonly number[] {
  const random = randomFrom(seed);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const counts = weights.map(() => 0);
  for (let device = 0; device < devices; device += 1) {
    let at = random() * sum;
    let hub = 0;
    while (hub < weights.length - 1 && at >= (weights[hub] ?? 0)) {
      at -= weights[hub] ?? 0;
      hub += 1;
    }
    counts[hub] = (counts[hub] ?? 0) + 1;
  }
  return counts;
}
