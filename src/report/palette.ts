/** How emphasis is written. */
export type Palette = {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warning: (text: string) => string;
};

const asItIs = (text: string): string => text;

/** No emphasis: what stands in files, and on terminals without colours. */
export const PLAIN: Palette = Object.freeze({ bold: asItIs, dim: asItIs, good: asItIs, bad: asItIs, warning: asItIs });
