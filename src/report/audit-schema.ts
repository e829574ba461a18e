import { z } from 'zod';

const count = (meaning: string) => z.int().min(0).describe(meaning);

/** What `dpsload audit` found, as `audit.json` and `summary.json` hold it. */
export const AUDIT_SHAPE = z.strictObject({
  host: z.string().describe('host name of the service API'),
  beganAt: z.iso.datetime().describe('when the first record was read, ISO 8601, UTC'),
  endedAt: z.iso.datetime().describe('when the last record was read'),
  rows: z.strictObject({
    agrees: count('rows whose record says what the run says'),
    differs: count('rows whose record says something else'),
    missing: count('assigned rows without a record'),
    removed: count('assigned rows whose record dpsload cleanup deleted'),
    resolved: count('rows whose end the run does not know, and the record tells'),
    unresolved: count('rows whose end neither the run nor the record tells'),
    notSent: count('rows for which the run sent nothing'),
  }),
  differences: z
    .strictObject({
      hub: count('rows with another hub'),
      deviceId: count('rows with another device ID'),
      status: count('rows with another status'),
      registeredBefore: count('rows last registered before this run'),
    })
    .describe('of the rows that differ; a row may have several'),
  extra: count('records in the enrollment groups of devices that are not in the fleet')
    .nullable()
    .describe('null = not known, because no group was read to its end'),
  extraAllowed: z.boolean().describe('extra records are no difference (--allow-extra)'),
  registeredAgain: count('rows registered again after the run, which is no difference'),
  resolvedAs: z
    .strictObject({ registered: count('registered by the run'), notRegistered: count('not registered by the run') })
    .describe('of the resolved rows'),
  possiblyTwice: z
    .strictObject({
      once: count('registered once'),
      twice: count('registered more than once'),
      cannotTell: count('the record does not tell'),
    })
    .describe('of the assigned rows that were possibly registered twice'),
  clock: z
    .strictObject({
      aheadMinMs: z.number().describe('at least, in milliseconds; negative = behind'),
      aheadMaxMs: z.number().describe('at most, in milliseconds'),
      isMeasured: z.boolean().describe('by the run; otherwise assumed'),
    })
    .describe('how far the clock of the service was ahead of that of the run'),
  first: z
    .array(
      z.strictObject({
        registrationId: z.string().describe('registration ID'),
        finding: z.string().describe('what differs, for people'),
      }),
    )
    .describe('the first differences; audit.csv has all'),
});

export type AuditSummary = z.infer<typeof AUDIT_SHAPE>;

type Judged = Readonly<Pick<AuditSummary, 'extra' | 'extraAllowed'>> & {
  readonly rows: Readonly<AuditSummary['rows']>;
};

/** Rows and records that are not as the run says. */
export function auditDifferences({ rows, extra, extraAllowed }: Judged): number {
  return rows.differs + rows.missing + (extraAllowed ? 0 : (extra ?? 0));
}
