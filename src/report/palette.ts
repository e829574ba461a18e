/** Formats emphasis. */
export type Palette = {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warning: (text: string) => string;
};

const unchanged = (text: string): string => text;

/** No emphasis, for files and for terminals without colors. */
export const PLAIN: Palette = Object.freeze({
  bold: unchanged,
  dim: unchanged,
  good: unchanged,
  bad: unchanged,
  warning: unchanged,
});
