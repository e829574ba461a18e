import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitted, labelledPath, shortened, wrapped } from '../../../src/cli/view/terminal-line.ts';

const PATH = '/srv/factory/line-a/device-17.pem';

it('wraps at spaces, and never within a file name', () => {
  expect(wrapped('short', 80)).toBe('short');
  expect(wrapped(`cannot write ${PATH}: no space left`, 40)).toBe(`cannot write\n${PATH}: no\nspace left`);
  expect(wrapped(`in ${PATH}: no file`, 20)).toBe('in /srv/factory/\nline-a/\ndevice-17.pem: no\nfile');
  expect(wrapped('fleet  /srv/line-a/device-17.pem', 22, 7)).toBe('fleet  /srv/line-a/\n       device-17.pem');
  expect(wrapped('exactly ten', 11)).toBe('exactly ten');
  expect(wrapped('exactly ten', 10)).toBe('exactly\nten');
});

it('wraps below a hanging indent, keeps gaps and gives colors no room', () => {
  expect(wrapped('fleet       abc def ghi', 19, 12)).toBe('fleet       abc def\n            ghi');
  expect(wrapped('a  \u001b[32mbcd\u001b[39m  e', 9)).toBe('a  \u001b[32mbcd\u001b[39m  e');
  expect(wrapped('  indented words', 10, 2)).toBe('  indented\n  words');
});

it('gives a path that does not fit lines of its own, and breaks it between names only', () => {
  expect(labelledPath('report', PATH, 80)).toBe(`report: ${PATH}`);
  expect(labelledPath('report', PATH, 40)).toBe(`report:\n${PATH}`);
  expect(labelledPath('report', PATH, 20)).toBe('report:\n/srv/factory/line-a/\ndevice-17.pem');
  expect(labelledPath('report', 'C:\\fleets\\line-a\\fleet.csv', 12)).toBe(
    'report:\nC:\\fleets\\\nline-a\\\nfleet.csv',
  );
});

it('fits a text to a terminal line by line, below the first column, and leaves it whole for a pipe', () => {
  const text = 'ok       every row can be read\n\nplain words that go on\n';
  expect(fitted(text, { isTTY: true, columns: 20 })).toBe(
    'ok       every row\n  can be read\n\nplain words that go\non\n',
  );
  expect(fitted(text, { isTTY: true, columns: 40 })).toBe('ok       every row can be read\n\nplain words that go on\n');
  expect(fitted(text, { columns: 20 })).toBe(text);
});

describe('a text that is too long', () => {
  it.each<[string, number, string]>([
    ['fits', 4, 'fits'],
    [`cannot read ${PATH}`, 45, `cannot read ${PATH}`],
    [`cannot read ${PATH}`, 44, 'cannot read …/factory/line-a/device-17.pem'],
    [`cannot read ${PATH}`, 33, 'cannot read …/device-17.pem'],
    [`cannot read ${PATH}: no such file`, 30, 'cannot read …/device-17.pem:…'],
    [`cannot read ${PATH}`, 20, 'cannot read…'],
    ['C:\\fleets\\line-a\\fleet.csv is empty', 30, '…\\line-a\\fleet.csv is empty'],
    [PATH, 10, '…ce-17.pem'],
    ['several words without a path', 20, 'several words…'],
    ['anything', 1, ''],
    ['anything', 0, ''],
    ['anything', -3, ''],
  ])('%o in %d characters', (text, characters, expected) => {
    expect(shortened(text, characters)).toBe(expected);
  });

  it('never takes more room, and keeps file names whole or leaves them out where there are words before them', () => {
    const name = fc.stringMatching(/^[a-z]{1,12}\.[a-z]{1,3}$/);
    const path = fc.tuple(fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { maxLength: 6 }), name);
    fc.assert(
      fc.property(path, fc.nat(120), ([folders, file], characters) => {
        const shown = shortened(`cannot read /${[...folders, file].join('/')}: no such file`, characters);
        expect(shown.length).toBeLessThanOrEqual(characters);
        if (/[/.]/.test(shown)) expect(shown).toContain(file);
      }),
    );
  });
});
