import { parseThreshold } from '../metrics/threshold/parse-threshold.ts';
import { printThreshold } from '../metrics/threshold/print-threshold.ts';
import type { Threshold } from '../metrics/threshold/threshold.ts';
import { ThresholdError } from '../metrics/threshold/threshold-error.ts';
import { isSecretLike } from '../problem/quote-value.ts';
import type { Notation, Reading } from './notation.ts';

/** As text: one expression a line. */
export const THRESHOLD_LIST: Notation<readonly Threshold[]> = {
  placeholder: 'expression',
  kind: 'list',
  remedy: 'dpsload run --help lists the metrics',
  read: readThresholds,
  show: (thresholds) => thresholds.map(printThreshold).join('\n'),
};

function readThresholds(text: string): Reading<readonly Threshold[]> {
  const thresholds: Threshold[] = [];
  const mistakes: ThresholdError[] = [];
  for (const line of text.split('\n')) {
    try {
      thresholds.push(parseThreshold(line));
    } catch (error) {
      if (!(error instanceof ThresholdError)) throw error;
      mistakes.push(error);
    }
  }
  const [first] = mistakes;
  if (first === undefined) return { value: thresholds };
  const problem = `is no threshold: ${first.message}, at column ${first.column}`;
  const shown = mistakes.filter(({ expression }) => !isSecretLike(expression));
  return { problem, excerpt: shown.map(({ excerpt }) => excerpt).join('\n') };
}
