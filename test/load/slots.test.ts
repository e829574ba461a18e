import { describe, expect, it } from 'vitest';
import type { LoadShape } from '../../src/load/pace.ts';
import { chooseSlots, type SlotSupply } from '../../src/load/slots.ts';

const AMPLE: SlotSupply = {
  fileDescriptors: 1_048_576,
  localPorts: 28_232,
  sourceAddresses: 1,
  memoryBytes: 16e9,
};
const AT_ONCE: LoadShape = { kind: 'at-once' };

describe('the slots of a load that names none', () => {
  it.each<[string, LoadShape, number, number]>([
    ['every device at once', AT_ONCE, 2_000, 2_000],
    ['no device at all', AT_ONCE, 0, 1],
    ['a batch, and what is left of the one before', { kind: 'batches', size: 200, everyMs: 60_000 }, 5_000, 400],
    ['a batch, and what is left of the 3 before', { kind: 'batches', size: 200, everyMs: 4_000 }, 5_000, 800],
    ['every device at once', { kind: 'batches', size: 200, everyMs: 60_000 }, 300, 300],
    ['the rate × 10 s', { kind: 'rate', ratePerSecond: 12.34 }, 5_000, 124],
    ['nothing else sets the load', { kind: 'closed' }, 5_000, 100],
  ])('are enough for %s', (reason, shape, devices, slots) => {
    const choice = chooseSlots(shape, devices, AMPLE);
    expect(choice).toMatchObject({ slots, wanted: slots, cut: null });
    if (devices > 0) expect(choice.reason).toBe(reason);
  });

  it.each<[string, Partial<SlotSupply>, number, RegExp, RegExp]>([
    ['open files', { fileDescriptors: 964 }, 900, /ulimit -n is 964/, /ulimit -n 20064/],
    ['no file to spare', { fileDescriptors: 20 }, 1, /ulimit -n is 20/, /ulimit/],
    ['local ports', { localPorts: 500, sourceAddresses: 2 }, 1_000, /500 ports/, /--local-address/],
    ['memory', { memoryBytes: 150e6 }, 1_000, /150 MB .* 50 kB/, /memory/],
  ])('are cut to what the machine has of %s', (_, supply, slots, evidence, remedy) => {
    const { cut, ...choice } = chooseSlots(AT_ONCE, 20_000, { ...AMPLE, ...supply });
    expect(choice).toEqual({ slots, wanted: 20_000, reason: 'every device at once' });
    expect(cut?.evidence).toMatch(evidence);
    expect(cut?.remedy).toMatch(remedy);
  });

  it('are never more than one process takes, and are not cut where nothing is known or limited', () => {
    expect(chooseSlots(AT_ONCE, 30_000, AMPLE)).toMatchObject({ slots: 25_000, wanted: 30_000 });
    const unknown = { fileDescriptors: null, localPorts: null, sourceAddresses: 1, memoryBytes: null };
    for (const supply of [unknown, { ...AMPLE, fileDescriptors: Number.POSITIVE_INFINITY }])
      expect(chooseSlots(AT_ONCE, 20_000, supply)).toMatchObject({ slots: 20_000, cut: null });
  });
});
