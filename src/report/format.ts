/*
 * Numbers for people, the same on every machine: no locale, a comma between thousands, a point before decimals.
 */

const SECONDS_PER_MINUTE = 60;
const MINUTES_PER_HOUR = 60;

/** Largest first. */
const BYTE_UNITS = [
  ['GB', 1e9],
  ['MB', 1e6],
  ['kB', 1e3],
] as const;

/** Stands in for an absent value. */
export const ABSENT = '–';

/** `1,234,567` */
export function formatCount(count: number): string {
  return withCommas(String(Math.round(count)));
}

/** A printed number with commas between the thousands before its decimals: `1,234.5678` */
export function withCommas(digits: string): string {
  return digits.replace(/(?<!\.\d*)\B(?=(\d{3})+(?!\d))/g, ',');
}

/** Milliseconds in three digits, the precision of the measurement: `0.42`, `9.87`, `98.7`, `987`, `9,870`. */
export function formatMs(ms: number | null): string {
  if (ms === null) return ABSENT;
  return ms < 9.995 ? ms.toFixed(2) : ms < 99.95 ? ms.toFixed(1) : formatCount(ms);
}

/** `4.2 s`, `12 min 3 s`, `16 h 40 min` */
export function formatDuration(ms: number | null): string {
  if (ms === null) return ABSENT;
  const seconds = ms / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (Math.round(seconds) < SECONDS_PER_MINUTE) return `${Math.round(seconds)} s`;
  const [minutes, secondsLeft] = divide(Math.round(seconds), SECONDS_PER_MINUTE);
  if (minutes < MINUTES_PER_HOUR) return `${minutes} min ${secondsLeft} s`;
  const [hours, minutesLeft] = divide(Math.round(seconds / SECONDS_PER_MINUTE), MINUTES_PER_HOUR);
  return `${formatCount(hours)} h ${minutesLeft} min`;
}

/** A part of 1: `33.3%` */
export function formatShare(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}

/** A part of 1, to a hundredth of a percentage point, because tolerances are that fine: `33.33%` */
export function formatFineShare(share: number): string {
  return `${(share * 100).toFixed(2)}%`;
}

/** A part of 1, as somebody stated it: `95%`, `0.125%` */
export function formatPercent(part: number): string {
  return `${Number((part * 100).toFixed(4))}%`;
}

/** A difference of two shares, as somebody stated it: `6 percentage points`. A per cent of a share would be less. */
export function formatPoints(part: number): string {
  const points = Number((part * 100).toFixed(4));
  return `${points} percentage point${points === 1 ? '' : 's'}`;
}

/** A rate or a number of cores: `0.25`, `12.5`, `1,250` */
export function formatNumber(value: number | null): string {
  return formatMs(value);
}

/** `1 row`, `2 rows` */
export function formatNoun(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `9.9 kB`, `152 MB`, in decimal units as disks are sold. */
export function formatBytes(bytes: number | null): string {
  if (bytes === null) return ABSENT;
  const [unit, size] = BYTE_UNITS.find((each) => bytes >= each[1]) ?? [null, 1];
  if (unit === null) return `${Math.ceil(bytes)} bytes`;
  const value = bytes / size;
  return `${value < 9.95 ? value.toFixed(1) : formatCount(value)} ${unit}`;
}

/** Text from outside, which may contain anything, as one line of at most `charactersMax` without control characters, cut between words. */
export function formatUntrusted(text: string, charactersMax = 100): string {
  const line = withoutControls(text);
  if (line.length <= charactersMax) return line;
  const wordsEnd = line.lastIndexOf(' ', charactersMax - 1);
  // A word that takes half of the room is cut: it is no sentence.
  return `${line.slice(0, wordsEnd > charactersMax / 2 ? wordsEnd : charactersMax - 1)}…`;
}

/** One line, uncut: for paths. */
export function withoutControls(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, ' ').trim();
}

function divide(value: number, by: number): readonly [quotient: number, remainder: number] {
  return [Math.floor(value / by), value % by];
}
