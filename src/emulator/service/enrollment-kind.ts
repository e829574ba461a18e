import { foldRegistrationId } from '../../dps/registration-id.ts';
import type { Enrollment, InstanceSettings } from './dps-instance.ts';
import { configuredHash, type EnrollmentLine, enrollmentLine, enrollmentToLine } from './enrollment-line.ts';
import type { EnrollmentStore, EnrollmentTable, StoredEnrollment } from './enrollment-store.ts';
import type { InstanceTable } from './instance-table.ts';
import { parseLine, type StateKind } from './state-kind.ts';

/** The lines of one instance, by folded ID. */
type ReadEnrollments = {
  readonly individual: Map<string, EnrollmentLine>;
  readonly group: Map<string, EnrollmentLine>;
};

/**
 * A restart is like a reload of the configuration: what the service API has made of an entry stays as long as the configuration says
 * the same about it as before; an entry that has changed there counts as the configuration has it now.
 */
export function enrollmentKind(instances: InstanceTable): StateKind {
  const read = new Map<string, ReadEnrollments>();
  return {
    kind: 'enrollment',
    apply: (line) => {
      const parsed = parseLine(enrollmentLine, line);
      const { idScope, of, id } = parsed;
      const known = read.get(idScope) ?? { individual: new Map(), group: new Map() };
      read.set(idScope, known);
      known[of].set(foldRegistrationId(id), parsed);
    },
    complete: (nowMs) => {
      for (const [idScope, { individual, group }] of read) {
        const state = instances.get(idScope);
        if (state === null) continue;
        const { enrollments, settings } = state;
        for (const { revision } of [...individual.values(), ...group.values()]) enrollments.reviseFrom(revision);
        restore(enrollments.individuals, individual, { store: enrollments, settings, nowMs });
        restore(enrollments.groups, group, { store: enrollments, settings, nowMs });
      }
      read.clear();
    },
    *lines() {
      for (const { idScope, enrollments } of instances.all) {
        for (const table of [enrollments.individuals, enrollments.groups]) {
          for (const entry of table.entries()) yield enrollmentToLine(idScope, entry, enrollments.revision);
        }
      }
    },
  };
}

type Restoring = {
  readonly store: EnrollmentStore;
  readonly settings: InstanceSettings;
  readonly nowMs: number;
};

function restore<Kind extends Enrollment>(
  table: EnrollmentTable<Kind>,
  lines: ReadonlyMap<string, EnrollmentLine>,
  { store, settings, nowMs }: Restoring,
): void {
  const entered: StoredEnrollment<Kind>[] = [];
  for (const [key, { configured, stored }] of lines) {
    const present = table.configured.get(key) ?? null;
    if (configuredHash(present) === configured) {
      const own = stored?.enrollment ? withUploadedCas(stored.enrollment, settings) : present;
      if (stored !== null && own !== null) entered.push({ ...stored, enrollment: own as Kind });
    } else if (present !== null) {
      entered.push(changed(present, stored, store.revise(), nowMs));
    }
  }
  for (const [key, present] of table.configured) {
    if (!lines.has(key)) entered.push(changed(present, null, store.revise(), nowMs));
  }
  table.enter(entered);
}

/** Creation time and place stay over a change. */
function changed<Kind extends Enrollment>(
  enrollment: Kind,
  before: EnrollmentLine['stored'],
  revision: number,
  nowMs: number,
): StoredEnrollment<Kind> {
  const { createdInRevision, createdAtMs } = before ?? { createdInRevision: revision, createdAtMs: nowMs };
  return { enrollment, revision, createdInRevision, createdAtMs, lastUpdatedAtMs: nowMs };
}

/** Uploaded CAs belong to the configuration. */
function withUploadedCas(enrollment: Enrollment, { uploadedCas }: InstanceSettings): Enrollment {
  const { attestation } = enrollment;
  if (attestation.kind !== 'x509' || attestation.caReferences === undefined) return enrollment;
  const certificates = attestation.caReferences.flatMap((name) =>
    Object.hasOwn(uploadedCas, name) ? (uploadedCas[name] ?? []) : [],
  );
  return { ...enrollment, attestation: { ...attestation, certificates } };
}
