import pc from 'picocolors';
import { type Palette, PLAIN } from '../../report/palette.ts';
import type { Environment } from '../../scenario/scenario.ts';

/** The palette for a stream, by `hasColors`. */
export function paletteOf(stream: TerminalStream, flag: boolean, environment: Environment = process.env): Palette {
  return paletteFor(hasColors(stream, environment, flag));
}

type TerminalStream = { readonly isTTY?: boolean };

/**
 * Decides whether to write colors to a stream: `--no-color`, then `NO_COLOR` (no-color.org), `FORCE_COLOR` (`0` and `false`
 * mean no), `TERM=dumb`, and last whether the stream is a terminal.
 *
 * @param flag `false` = `--no-color` was given.
 */
export function hasColors(stream: TerminalStream, environment: Environment, flag: boolean): boolean {
  const { NO_COLOR: noColor = '', FORCE_COLOR: forceColor = '', TERM: terminal } = environment;
  if (!flag || noColor !== '') return false;
  if (forceColor !== '') return forceColor !== '0' && forceColor !== 'false';
  return terminal !== 'dumb' && stream.isTTY === true;
}

export function paletteFor(colors: boolean): Palette {
  if (!colors) return PLAIN;
  const { bold, dim, green, red, yellow } = pc.createColors(true);
  return { bold, dim, good: green, bad: red, warning: yellow };
}
