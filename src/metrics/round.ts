/** Rounds what files and pages show: more digits would claim more precision than was measured. */
export function roundToThousandth(value: number): number {
  return Math.round(value * 1000) / 1000;
}
