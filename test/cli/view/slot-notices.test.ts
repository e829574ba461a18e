import { expect, it } from 'vitest';
import { slotNotices } from '../../../src/cli/view/slot-notices.ts';
import { warningLines } from '../../../src/cli/view/terminal-line.ts';
import { chooseSlots } from '../../../src/load/slots.ts';
import type { Scenario } from '../../../src/scenario/scenario.ts';

const DEVICES = 2_000;
const SUPPLY = { fileDescriptors: 964, localPorts: null, sourceAddresses: 1, memoryBytes: null };
const AT_ONCE = { shape: { kind: 'at-once' }, rounds: 1, quota: null, hubs: null, canaryPerGroup: 0 } as const;

function noticesOf(concurrency: number, isChosen: boolean): ReturnType<typeof slotNotices> {
  const choice = isChosen ? chooseSlots(AT_ONCE.shape, DEVICES, SUPPLY) : null;
  return slotNotices({ ...AT_ONCE, concurrency } as unknown as Scenario['load'], choice, DEVICES);
}

it.each([
  ['that the operator gave', 100, false],
  ['that this machine cuts', 900, true],
])('a warning about slots %s is marked once, and broken between words on a terminal', (_, concurrency, isChosen) => {
  const { warnings } = noticesOf(concurrency, isChosen);
  const lines = warningLines(warnings, { isTTY: true, columns: 80 }).split('\n');
  expect(lines.filter((line) => line.startsWith('warning: '))).toHaveLength(1);
  expect(lines.join('\n').match(/warning:/g)).toHaveLength(1);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(lines.length).toBeGreaterThan(2);
});
