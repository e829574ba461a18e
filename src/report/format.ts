/*
 * Numbers for people, the same on every machine: no locale, a comma between thousands, a point before decimals.
 */

const MS_PER_SECOND = 1000;
const SECONDS_PER_MINUTE = 60;
const MINUTES_PER_HOUR = 60;

/** What stands for a value that is absent. */
export const ABSENT = '–';

/** `1,234,567` */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Three digits, since more were not measured: `0.42`, `9.87`, `98.7`, `987`, `9,870`. */
export function formatMs(ms: number | null): string {
  if (ms === null) return ABSENT;
  return ms < 9.995 ? ms.toFixed(2) : ms < 99.95 ? ms.toFixed(1) : formatCount(ms);
}

/** `4.2 s`, `12 min 3 s`, `16 h 40 min` */
export function formatDuration(ms: number | null): string {
  if (ms === null) return ABSENT;
  const seconds = ms / MS_PER_SECOND;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (Math.round(seconds) < SECONDS_PER_MINUTE) return `${Math.round(seconds)} s`;
  const [minutes, secondsLeft] = divide(Math.round(seconds), SECONDS_PER_MINUTE);
  if (minutes < MINUTES_PER_HOUR) return `${minutes} min ${secondsLeft} s`;
  const [hours, minutesLeft] = divide(Math.round(seconds / SECONDS_PER_MINUTE), MINUTES_PER_HOUR);
  return `${formatCount(hours)} h ${minutesLeft} min`;
}

/** Of 1: `33.3%` */
export function formatShare(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}

/** A rate or a number of cores: `0.25`, `12.5`, `1,250` */
export function formatNumber(value: number | null): string {
  return formatMs(value);
}

/** `1 row`, `2 rows` */
export function formatNoun(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `152 MB` */
export function formatBytes(bytes: number | null): string {
  return bytes === null ? ABSENT : `${formatCount(bytes / 1e6)} MB`;
}

/** One line of at most `charactersMax`, without control characters: what others wrote may hold anything. */
export function formatUntrusted(text: string, charactersMax: number): string {
  const line = withoutControls(text);
  return line.length <= charactersMax ? line : `${line.slice(0, charactersMax - 1)}…`;
}

/** One line, whole: for paths, which must not be cut. */
export function withoutControls(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, ' ').trim();
}

function divide(value: number, by: number): readonly [quotient: number, remainder: number] {
  return [Math.floor(value / by), value % by];
}
