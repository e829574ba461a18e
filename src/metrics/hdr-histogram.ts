import type { Histogram } from 'hdr-histogram-js';
// The entry of the library also loads WebAssembly, compression and a printer of numbers: 30 ms that the first device of a run would wait.
import { constructorFromBucketSize } from 'hdr-histogram-js/dist/JsHistogramFactory.js';

const CountsOf32Bits = constructorFromBucketSize(32);

/** An empty HdrHistogram of whole numbers from 1. @param valueMax `null` = it grows with its values */
export function hdrHistogram(valueMax: number | null, significantDigits: number): Histogram {
  const histogram = new CountsOf32Bits(1, valueMax ?? 2, significantDigits);
  histogram.autoResize = valueMax === null;
  return histogram;
}
