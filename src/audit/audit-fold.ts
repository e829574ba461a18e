import type { RegistrationStateBody } from '../dps/payloads.ts';
import { foldRegistrationId } from '../dps/registration-id.ts';
import { FingerprintTable, textFingerprint } from '../fleet/fingerprint-table.ts';
import type { AuditSummary } from '../report/audit-schema.ts';
import type { AuditedDevice } from './audited-device.ts';
import type { AuditVerdict, Difference, RowAudit } from './compare-record.ts';

/** Differences that text and report name. */
const FIRST_MAX = 5;

const ROW_MEMBERS: Readonly<Record<AuditVerdict, keyof AuditSummary['rows']>> = {
  agrees: 'agrees',
  differs: 'differs',
  missing: 'missing',
  removed: 'removed',
  resolved: 'resolved',
  unresolved: 'unresolved',
  'not-sent': 'notSent',
};

const DIFFERENCE_MEMBERS: Readonly<Record<Difference, keyof AuditSummary['differences']>> = {
  hub: 'hub',
  'device-id': 'deviceId',
  status: 'status',
  'registered-before': 'registeredBefore',
};

/** Counts what was found of each row, and then the records of nobody. Holds 8 to 16 bytes a row, outside the heap. */
export class AuditFold {
  readonly #fleet = new FingerprintTable(textFingerprint);
  readonly rows: AuditSummary['rows'] = {
    agrees: 0,
    differs: 0,
    missing: 0,
    removed: 0,
    resolved: 0,
    unresolved: 0,
    notSent: 0,
  };
  readonly differences: AuditSummary['differences'] = { hub: 0, deviceId: 0, status: 0, registeredBefore: 0 };
  readonly resolvedAs = { registered: 0, notRegistered: 0 };
  readonly possiblyTwice = { once: 0, twice: 0, cannotTell: 0 };
  readonly first: AuditSummary['first'] = [];
  registeredAgain = 0;
  extra = 0;
  /** Rows of which the service has a record. */
  found = 0;

  add({ registrationId }: Pick<AuditedDevice, 'registrationId'>, audit: RowAudit, isFound: boolean): void {
    this.#fleet.add(foldRegistrationId(registrationId));
    this.rows[ROW_MEMBERS[audit.verdict]] += 1;
    for (const one of audit.differences) this.differences[DIFFERENCE_MEMBERS[one]] += 1;
    if (audit.isRegisteredAgain) this.registeredAgain += 1;
    if (isFound) this.found += 1;
    this.#addTold(audit);
    if (audit.verdict === 'differs' || audit.verdict === 'missing') this.#name(registrationId, audit.finding ?? '');
  }

  /** After every row. @returns whether the fleet does not have its device */
  addRecord({ registrationId, assignedHub }: RegistrationStateBody): boolean {
    if (this.#fleet.has(foldRegistrationId(registrationId))) return false;
    this.extra += 1;
    this.#name(registrationId, `extra: not in the fleet, at ${assignedHub ?? 'no hub'}`);
    return true;
  }

  #addTold({ verdict, told }: RowAudit): void {
    if (verdict === 'resolved') this.resolvedAs[told === 'registered' ? 'registered' : 'notRegistered'] += 1;
    if (verdict === 'resolved' || verdict === 'unresolved' || told === null) return;
    this.possiblyTwice[told === 'once' || told === 'twice' ? told : 'cannotTell'] += 1;
  }

  #name(registrationId: string, finding: string): void {
    if (this.first.length < FIRST_MAX) this.first.push({ registrationId, finding });
  }
}
