import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DpsInstance, EnrollmentGroup, IndividualEnrollment } from '../../src/emulator/service/dps-instance.ts';
import { ENROLLMENT_DEFAULTS } from '../../src/emulator/service/dps-instance.ts';
import { etagOf } from '../../src/emulator/service/enrollment-store.ts';
import { ProvisioningService } from '../../src/emulator/service/provisioning-service.ts';
import { SERVICE_BEHAVIOR_DEFAULT } from '../../src/emulator/service/service-behavior.ts';
import { type StateLine, StateLineError } from '../../src/emulator/service/state-kind.ts';
import { authority, parsed } from '../support/certificates.ts';
import { emulatedInstance, ID_SCOPE, individualEnrollment, OTHER_KEY } from '../support/emulated-instance.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const LATER_MS = NOW_MS + 3_600_000;

const named = (registrationId: string, settings: Partial<IndividualEnrollment> = {}) =>
  individualEnrollment({ registrationId, ...settings });

const configured = (...individualEnrollments: IndividualEnrollment[]) =>
  emulatedInstance({ individualEnrollments, enrollmentGroups: [] });

function started(instance: DpsInstance, changes: StateLine[] | null = null, nowMs = NOW_MS) {
  const service = new ProvisioningService({
    instances: [instance],
    behavior: SERVICE_BEHAVIOR_DEFAULT,
    startedAtMs: nowMs,
    newGuid: () => '',
    changes,
  });
  const state = service.instance(ID_SCOPE);
  if (state === null) throw new Error('no instance');
  return { service, state, ...state.enrollments };
}

type Started = ReturnType<typeof started>;

const wholeOf = ({ service }: Started): StateLine[] => service.stateKinds().flatMap((kind) => [...kind.lines()]);

/** Started an hour later with what the lines say, as the file would bring it back. */
function restarted(instance: DpsInstance, lines: Iterable<StateLine>): Started {
  const next = started(instance, null, LATER_MS);
  const kinds = next.service.stateKinds();
  for (const line of lines) {
    const kind = kinds.find((each) => each.kind === line.kind);
    if (kind === undefined) throw new Error(line.kind);
    kind.apply(JSON.parse(JSON.stringify(line)));
  }
  for (const kind of kinds) kind.complete(LATER_MS);
  return next;
}

/** What a client of the service API can see, in its order, and what decides whether its continuation still fits. */
function seen({ state: { enrollments } }: Started): unknown {
  const { individuals, groups, revision } = enrollments;
  const tables = [individuals, groups].map((table) =>
    table
      .list()
      .map((stored) => ({ text: JSON.stringify(sorted(stored.enrollment)), etag: etagOf(stored), ...stamps(stored) })),
  );
  return { tables, revision };
}

const sorted = (value: object) =>
  Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));

function stamps({
  createdAtMs,
  createdInRevision,
  lastUpdatedAtMs,
}: Record<'createdAtMs' | 'createdInRevision' | 'lastUpdatedAtMs', number>) {
  return { createdAtMs, createdInRevision, lastUpdatedAtMs };
}

const group = (enrollmentGroupId: string, settings: Partial<EnrollmentGroup> = {}): EnrollmentGroup => ({
  ...ENROLLMENT_DEFAULTS,
  kind: 'group',
  enrollmentGroupId,
  attestation: { kind: 'symmetricKey', primaryKey: OTHER_KEY, secondaryKey: null },
  ...settings,
});

const ca = parsed(await authority('a CA'));

const SETTINGS: readonly Partial<IndividualEnrollment>[] = [
  {},
  { provisioningStatus: 'disabled', initialTwin: { tags: { ä: [1, null] } }, capabilities: { iotEdge: true } },
  { attestation: { kind: 'x509', use: 'signing', certificates: [ca] }, deviceId: 'Pump 7', iotHubs: ['hub'] },
  { attestation: { kind: 'tpm', endorsementKey: 'AAAA', storageRootKey: null } },
  {
    allocationPolicy: 'custom',
    customAllocationDefinition: { webhookUrl: 'http://webhook/', apiVersion: '2021-10-01' },
    reprovisionPolicy: { updateHubAssignment: true, migrateDeviceData: false },
    optionalDeviceInformation: { site: 'x' },
  },
];

const ids = fc.constantFrom('a', 'A', 'b', 'c');
const settings = fc.constantFrom(...SETTINGS);
const config = fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b'), settings), { selector: ([id]) => id });

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('put' as const), id: ids, settings, atMs: fc.nat(5_000) }),
    fc.record({ kind: fc.constant('put group' as const), id: ids, settings: fc.constant({}), atMs: fc.nat(5_000) }),
    fc.record({ kind: fc.constant('delete' as const), id: ids }),
    fc.record({ kind: fc.constant('reload' as const), config }),
    fc.record({ kind: fc.constant('reset' as const) }),
  ),
  { maxLength: 15 },
);

const instanceOf = (entries: readonly (readonly [string, Partial<IndividualEnrollment>])[]) =>
  configured(...entries.map(([id, own]) => named(id, own)));

describe('the lines about enrollments', () => {
  it('bring back all that clients see, with etags and order, from the changes and from the whole', () => {
    fc.assert(
      fc.property(config, steps, (first, all) => {
        let instance = instanceOf(first);
        const changes: StateLine[] = [];
        const running = started(instance, changes);
        const atStart = wholeOf(running);
        for (const step of all) {
          const { individuals, groups } = running;
          if (step.kind === 'put') individuals.put(named(step.id, step.settings), NOW_MS + step.atMs);
          else if (step.kind === 'put group') groups.put(group(step.id), NOW_MS + step.atMs);
          else if (step.kind === 'delete') individuals.delete(step.id);
          else if (step.kind === 'reset') running.service.reset(NOW_MS + 9_000);
          else {
            instance = instanceOf(step.config);
            running.service.configure([instance], NOW_MS + 8_000);
          }
        }
        const whole = wholeOf(running);
        const next = restarted(instance, [...atStart, ...changes]);
        expect(seen(next)).toEqual(seen(running));
        // Who wrote nothing but what there is may forget how many revisions there were, once nothing is left.
        if (whole.length > 0) expect(seen(restarted(instance, whole))).toEqual(seen(running));
        expect(wholeOf(next).length).toBe(whole.length);
      }),
      { numRuns: 40 },
    );
  });

  it('let win what the service API changed last, unless the configuration says something else than before', () => {
    const first = configured(named('changed'), named('deleted'), named('both'), named('gone'), named('revived'));
    const running = started(first);
    for (const id of ['changed', 'both', 'gone']) running.individuals.put(named(id, { deviceId: 'by-api' }), NOW_MS);
    for (const id of ['deleted', 'revived']) running.individuals.delete(id);
    const lines = wholeOf(running);
    const second = configured(
      named('changed'),
      named('deleted'),
      named('both', { deviceId: 'by-file' }),
      named('revived', { deviceId: 'by-file' }),
      named('new'),
    );
    const next = restarted(second, lines);
    const deviceIds = next.individuals.list().map(({ enrollment }) => [enrollment.registrationId, enrollment.deviceId]);
    expect(Object.fromEntries(deviceIds)).toEqual({
      changed: 'by-api',
      both: 'by-file',
      revived: 'by-file',
      new: null,
    });
    const [before, after] = [running, next].map(({ individuals }) => individuals.get('both'));
    expect(after).toMatchObject({ createdAtMs: NOW_MS, lastUpdatedAtMs: LATER_MS });
    expect(before && after && etagOf(before) !== etagOf(after)).toBe(true);
  });

  it('let in an entry that the configuration had lost and has again, even if it had been deleted', () => {
    const [instance, without] = [configured(named('dev-1')), configured()];
    const changes: StateLine[] = [];
    const running = started(instance, changes);
    const atStart = wholeOf(running);
    running.individuals.delete('dev-1');
    running.service.configure([without], NOW_MS);
    const next = restarted(instance, [...atStart, ...changes]);
    expect(next.individuals.get('dev-1')).not.toBeNull();
  });

  it('do not repeat keys that only the configuration names', () => {
    const instance = configured(named('dev-1'));
    expect(JSON.stringify(wholeOf(started(instance)))).not.toContain('primaryKey');
    const running = started(instance);
    running.individuals.put(named('dev-2'), NOW_MS);
    expect(JSON.stringify(wholeOf(running)).match(/primaryKey/g)).toHaveLength(1);
  });

  it('take uploaded CAs as the configuration has them now', () => {
    const running = started(emulatedInstance({ uploadedCas: { line: ca } }));
    const attestation = { kind: 'x509', use: 'signing', certificates: [ca], caReferences: ['line'] } as const;
    running.groups.put(group('line-a', { attestation }), NOW_MS);
    const certificatesWith = (uploadedCas: DpsInstance['uploadedCas']) =>
      restarted(emulatedInstance({ uploadedCas }), wholeOf(running)).groups.get('line-a')?.enrollment.attestation;
    expect(certificatesWith({ line: ca })).toMatchObject({ certificates: [ca], caReferences: ['line'] });
    expect(certificatesWith({ line: null })).toMatchObject({ certificates: [], caReferences: ['line'] });
  });

  it('are refused with the member that is wrong, without the key that it has', () => {
    const running = started(configured());
    running.individuals.put(named('dev-1'), NOW_MS);
    const [line] = JSON.parse(JSON.stringify(wholeOf(running)));
    line.stored.enrollment.attestation = { kind: 'x509', use: 'client', certificates: ['c2VjcmV0'] };
    const kind = running.service.stateKinds().find((each) => each.kind === 'enrollment');
    expect(() => kind?.apply(line)).toThrow(StateLineError);
    expect(() => kind?.apply(line)).toThrow(/^is not valid: stored\.enrollment\.[^:]*: must be a certificate in PEM$/);
  });
});
