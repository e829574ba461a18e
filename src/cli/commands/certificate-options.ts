import { Option } from 'commander';
import { KEY_ALGORITHMS, type KeyAlgorithm } from '../../certificates/certificate.ts';
import { type Problem, problem } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import { choice, wholeNumberBetween } from '../../scenario/notation/notation.ts';

/** A hundred years: the four digits of a year in a certificate are not at stake. */
const DAYS = wholeNumberBetween(1, 36_500);
const KEY = choice(KEY_ALGORITHMS);

export type CertificateFlags = { readonly key: string; readonly days: string };

export function keyOption(): Option {
  return new Option(`--key <${KEY.placeholder}>`, 'kind of the new keys').default('p256' satisfies KeyAlgorithm);
}

export function daysOption(daysDefault: number): Option {
  return new Option('--days <n>', 'how long a certificate is valid').default(String(daysDefault));
}

/** What cannot be read is added to `problems`. */
export function readCertificateFlags(
  { key, days }: CertificateFlags,
  problems: Problem[],
): { readonly keyAlgorithm: KeyAlgorithm; readonly days: number } {
  const keyReading = KEY.read(key);
  if ('problem' in keyReading) problems.push(problem(`--key ${quoteValue(key)} ${keyReading.problem}`, KEY.remedy));
  const daysReading = DAYS.read(days);
  if ('problem' in daysReading)
    problems.push(problem(`--days ${quoteValue(days)} ${daysReading.problem}`, DAYS.remedy));
  return {
    keyAlgorithm: 'value' in keyReading ? keyReading.value : 'p256',
    days: 'value' in daysReading ? daysReading.value : 0,
  };
}
