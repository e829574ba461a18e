import {
  HUB_CHECK_RESULTS,
  HUB_CHECKS,
  HUB_PHASES,
  type HubCheckPhases,
  type HubCheckResult,
} from '../hub/hub-check.ts';
import { type FieldValue, list, members, number, oneOf, orNull, rounded, text, tuple, whole } from './json-field.ts';

/*
 * hub-checks.ndjson: what the hub checks of a run found, apart from its journal. One JSON object a line, as in `journal-line.ts`:
 *
 * {"kind":"hub-session","version":1,"check":"connect","share":0.05,"startedAtEpochMs":1700000000000,"hubs":[{…}],…}
 * {"kind":"hub-check","row":7,"id":"dev-0007","hub":"hub-a.azure-devices.net","device":"dev-0007","result":"passed","attempts":1,
 *  "started":12.5,"ended":98.2,"phases":[null,2.1,1.2,80.4]}
 * {"kind":"hub-end","atMs":4000.2,"reason":"completed"}
 */

const HUB_CHECK_JOURNAL_VERSION = 1;

const session = members({
  kind: oneOf(['hub-session']),
  version: oneOf([HUB_CHECK_JOURNAL_VERSION]),
  dpsloadVersion: text,
  check: oneOf(HUB_CHECKS),
  /** Of the devices of each hub. */
  share: number,
  /** Wall clock at 0 of this session's clock. */
  startedAtEpochMs: number,
  /** In the order of their names. */
  hubs: list(members({ hub: text, devices: whole, sampled: whole, perSecond: number })),
});

/** First record of each session of hub checks. Holds no secret. */
export type HubSessionRecord = FieldValue<typeof session>;

/** The values that a new session need not state. */
export function newHubSession(facts: Omit<HubSessionRecord, 'kind' | 'version'>): HubSessionRecord {
  return { kind: 'hub-session', version: HUB_CHECK_JOURNAL_VERSION, ...facts };
}

/** How the check of one device ended. */
export type HubCheckRecord = {
  readonly kind: 'hub-check';
  readonly row: number;
  readonly registrationId: string;
  readonly hub: string;
  readonly deviceId: string;
  readonly result: HubCheckResult;
  /** For people; `null` = passed. */
  readonly message: string | null;
  /** Connections. */
  readonly attempts: number;
  /** Of the first connection, on the session's clock. */
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Of the last connection. */
  readonly phases: HubCheckPhases;
};

const check = members<HubCheckRecord>(
  {
    kind: oneOf(['hub-check']),
    row: whole,
    registrationId: text,
    hub: text,
    deviceId: text,
    result: oneOf(HUB_CHECK_RESULTS),
    message: orNull(text),
    attempts: whole,
    startedAtMs: rounded,
    endedAtMs: rounded,
    phases: tuple<HubCheckPhases>(HUB_PHASES, rounded),
  },
  { registrationId: 'id', deviceId: 'device', startedAtMs: 'started', endedAtMs: 'ended' },
);

export const HUB_END_REASONS = [
  'completed', // every device of the sample is checked
  'duration', // hubCheck.duration ended it
  'interrupted', // SIGINT
  'terminated', // SIGTERM
] as const;

export type HubEndReason = (typeof HUB_END_REASONS)[number];

const end = members({ kind: oneOf(['hub-end']), atMs: rounded, reason: oneOf(HUB_END_REASONS) });

/** Last record of a session that ended in order. */
export type HubEndRecord = FieldValue<typeof end>;

export type HubJournalRecord = HubSessionRecord | HubCheckRecord | HubEndRecord;

const RECORDS = { 'hub-session': session, 'hub-check': check, 'hub-end': end } as const;

export function encodeHubRecord(record: HubJournalRecord): string {
  return JSON.stringify(RECORDS[record.kind].write(record as never));
}

/** @throws FieldError for anything that `encodeHubRecord` cannot have written */
export function decodeHubRecord(parsed: Readonly<Record<string, unknown>>): HubJournalRecord | null {
  const { kind } = parsed;
  return typeof kind === 'string' && Object.hasOwn(RECORDS, kind)
    ? RECORDS[kind as keyof typeof RECORDS].read(parsed)
    : null;
}
