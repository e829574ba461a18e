import { describe, expect, it } from 'vitest';
import type { IndividualEnrollment } from '../../src/emulator/service/dps-instance.ts';
import { EnrollmentStore, etagOf } from '../../src/emulator/service/enrollment-store.ts';
import { individualEnrollment } from '../support/emulated-instance.ts';

const NOW_MS = Date.UTC(2026, 0, 1);

const named = (registrationId: string, settings: Partial<IndividualEnrollment> = {}) =>
  individualEnrollment({ registrationId, ...settings });

function storeWith(...ids: readonly string[]): EnrollmentStore {
  const store = new EnrollmentStore();
  for (const id of ids) store.individuals.put(named(id), NOW_MS);
  return store;
}

const idsIn = ({ individuals }: EnrollmentStore) =>
  individuals.list().map(({ enrollment }) => enrollment.registrationId);

describe('the enrollments of an instance', () => {
  it('are found whatever the case of the ID', () => {
    const stored = storeWith('Dev-1').individuals.get('dEV-1');
    expect(stored).toMatchObject({
      enrollment: { registrationId: 'Dev-1' },
      createdAtMs: NOW_MS,
      lastUpdatedAtMs: NOW_MS,
    });
    expect(storeWith('dev-1').individuals.get('dev-2')).toBeNull();
    expect(storeWith('dev-1').groups.get('dev-1')).toBeNull();
  });

  it('have an etag as the service has them, another one after each change', () => {
    const { individuals, groups } = storeWith('dev-1', 'dev-2');
    const etags = individuals.list().map(etagOf);
    // The same settings again, in the same millisecond.
    etags.push(etagOf(individuals.put(named('dev-1'), NOW_MS)));
    individuals.delete('dev-2');
    etags.push(etagOf(individuals.put(named('dev-2'), NOW_MS)));
    expect(new Set(etags).size).toBe(4);
    for (const etag of etags) {
      expect(Buffer.from(etag, 'base64').toString()).toMatch(/^"[0-9a-f]{8}-0000-0100-0000-6955b9000000"$/);
    }
    expect(etagOf(individuals.list()[0] as never)).toBe(etags[2]);
    expect(groups.size).toBe(0);
  });

  it('keep creation time and place over a change', () => {
    const store = storeWith('a', 'b');
    const changed = store.individuals.put(named('A', { provisioningStatus: 'disabled' }), NOW_MS + 5);
    expect(changed).toMatchObject({ createdAtMs: NOW_MS, lastUpdatedAtMs: NOW_MS + 5 });
    expect(idsIn(store)).toEqual(['A', 'b']);
    expect(store.individuals.size).toBe(2);
  });

  it('are listed so that a reader can go on behind the last one it saw, whatever was deleted meanwhile', () => {
    const store = storeWith('a', 'b', 'c');
    const [, seen] = store.individuals.list();
    store.individuals.delete('a');
    store.individuals.delete('b');
    store.individuals.put(named('c'), NOW_MS);
    store.individuals.put(named('a'), NOW_MS);
    const rest = store.individuals.list().filter((one) => one.createdInRevision > (seen?.createdInRevision ?? 0));
    expect(rest.map(({ enrollment }) => enrollment.registrationId)).toEqual(['c', 'a']);
  });

  it('begin a new revision with each change, and with nothing else', () => {
    const store = storeWith('a');
    const { revision } = store;
    expect(store.individuals.delete('b')).toBe(false);
    store.individuals.list();
    expect(store.revision).toBe(revision);
    expect(store.individuals.delete('A')).toBe(true);
    expect(store.revision).toBeGreaterThan(revision);
  });

  it('take from a new configuration what differs from the previous one, and nothing else', () => {
    const store = new EnrollmentStore();
    const before = ['same', 'changed', 'gone'].map((id) => named(id));
    store.individuals.configure(before, NOW_MS);
    const made = store.individuals.put(named('made elsewhere'), NOW_MS);
    const same = store.individuals.get('same');
    const after = [named('same'), named('changed', { deviceId: 'pump' }), named('new')];
    store.individuals.configure(after, NOW_MS + 1);
    expect(idsIn(store)).toEqual(['same', 'changed', 'made elsewhere', 'new']);
    expect(store.individuals.get('same')).toBe(same);
    expect(store.individuals.get('made elsewhere')).toBe(made);
    expect(store.individuals.get('changed')).toMatchObject({ enrollment: { deviceId: 'pump' }, createdAtMs: NOW_MS });
  });

  it('go back to the configuration', () => {
    const store = new EnrollmentStore();
    store.individuals.configure([named('same'), named('changed', { deviceId: 'pump' }), named('deleted')], NOW_MS);
    const same = store.individuals.get('same');
    store.individuals.put(named('changed'), NOW_MS);
    store.individuals.put(named('made'), NOW_MS);
    store.individuals.delete('deleted');
    store.individuals.restore(NOW_MS + 1);
    expect(idsIn(store)).toEqual(['same', 'changed', 'deleted']);
    expect(store.individuals.get('changed')).toMatchObject({ enrollment: { deviceId: 'pump' } });
    expect(store.individuals.get('same')).toBe(same);
  });
});
