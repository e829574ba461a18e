import { expect, it } from 'vitest';
import { hasColors } from '../../../src/cli/view/colors.ts';

it.each<[boolean, Record<string, string>, boolean, boolean]>([
  // terminal, environment, flag → colours
  [true, {}, true, true],
  [true, { TERM: 'xterm-256color' }, true, true],
  [false, {}, true, false],
  [true, { TERM: 'dumb' }, true, false],
  [true, { NO_COLOR: '1' }, true, false],
  [true, { NO_COLOR: '' }, true, true],
  [true, {}, false, false],
  [false, { FORCE_COLOR: '1' }, true, true],
  [false, { FORCE_COLOR: 'true', TERM: 'dumb' }, true, true],
  [true, { FORCE_COLOR: '0' }, true, false],
  [true, { FORCE_COLOR: 'false' }, true, false],
  [true, { FORCE_COLOR: '1', NO_COLOR: '1' }, true, false],
  [true, { FORCE_COLOR: '1' }, false, false],
])('terminal %o, environment %o, flag %o: %o', (isTTY, environment, flag, expected) => {
  expect(hasColors({ isTTY }, environment, flag)).toBe(expected);
});
