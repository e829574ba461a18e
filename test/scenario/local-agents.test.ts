import { describe, expect, it } from 'vitest';
import { LOCAL_AGENTS, readLabel } from '../../src/scenario/notation/local-agents.ts';

const LABELS = { region: 'europe' };

describe('agents that a run starts on its own machine', () => {
  it.each([
    ['region=europe', [{ labels: LABELS, address: null }]],
    ['region=europe@127.0.0.2', [{ labels: LABELS, address: '127.0.0.2' }]],
    ['region=europe,zone=1@::1', [{ labels: { ...LABELS, zone: '1' }, address: '::1' }]],
    ['region=europe\nregion=europe', [LABELS, LABELS].map((labels) => ({ labels, address: null }))],
  ])('are written %j', (text, value) => {
    expect(LOCAL_AGENTS.read(text)).toEqual({ value });
    expect(LOCAL_AGENTS.show(value)).toBe(text);
  });

  it.each([
    ['', 'no label'],
    ['region', 'a label without a value'],
    ['region=a,region=b', 'a label twice'],
    ['region=a@host', 'a name in place of an address'],
    ['region=a@127.0.0.2@127.0.0.3', 'two addresses'],
    ['region=a\n', 'an agent without labels'],
    ['@127.0.0.2', 'an address alone'],
    [Array.from({ length: 17 }, () => 'a=b').join('\n'), 'more than a machine should host'],
  ])('are not written %j: %s', (text) => {
    expect(LOCAL_AGENTS.read(text)).toHaveProperty('problem');
  });
});

it('a label has a name and a value', () => {
  expect(readLabel('region=west-1')).toEqual(['region', 'west-1']);
  expect([readLabel('region='), readLabel('=west'), readLabel('a b=c')]).toEqual([null, null, null]);
});
