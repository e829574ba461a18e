import type { AttestationKeys } from '../attestation/attestation-keys.ts';
import type { FleetRow } from '../fleet/fleet-row.ts';
import { isExpectedHub } from '../metrics/hub-distribution.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { formatCount, formatNoun, formatUntrusted } from '../report/format.ts';
import { remedyFor } from '../report/remedies.ts';
import { type Finding, finding, ok, unknown, warning } from './finding.ts';
import { KEY_SUBJECT, keyFindings, keyNameOf } from './key-findings.ts';

const SUBJECT = 'registration';

/** Most findings of one level, and most devices in one of them. */
const FINDINGS_MAX = 20;
const DEVICES_NAMED_MAX = 3;

/** A device that was registered for the check, or should have been. */
export type TriedDevice = Pick<
  RegistrationOutcome,
  'registrationId' | 'group' | 'result' | 'assignedHub' | 'errorCode' | 'errorMessage'
> & {
  /** `maybe`: the answer that would tell never came. */
  readonly registered: 'yes' | 'no' | 'maybe';
};

/**
 * What a check has found once it has registered devices as well: that takes the place of what was unknown without it.
 *
 * @param rows of the devices
 */
export function withTried(
  findings: readonly Finding[],
  keys: AttestationKeys,
  rows: readonly FleetRow[],
  outcomes: readonly RegistrationOutcome[],
): { readonly findings: readonly Finding[]; readonly tried: readonly TriedDevice[] } {
  const others = findings.filter(({ subject, level }) => subject !== KEY_SUBJECT || level !== 'unknown');
  const tried = [...outcomes].sort((a, b) => a.row - b.row);
  return { findings: [...others, ...tryFindings(keys, rows, tried)], tried: tried.map(triedDevice) };
}

/** What registrations of a few devices of each group show about keys, certificates, ID scope and allocation. */
function tryFindings(
  keys: AttestationKeys,
  rows: readonly FleetRow[],
  outcomes: readonly RegistrationOutcome[],
): readonly Finding[] {
  const judged = outcomes.filter((outcome) => outcome.result === 'assigned' || isOfCredentials(outcome));
  const withGroupKey = new Set(rows.filter(({ deviceKey }) => deviceKey === null).map(({ row }) => row));
  const judgedKeys = judged.filter(({ row }) => withGroupKey.has(row)).map(({ group }) => keyNameOf(keys, group));
  const findings = alikeOutcomes(outcomes).map((alike) => findingOf(alike, keys));
  const shown = (['ok', 'unknown', 'warning', 'problem'] as const).flatMap((level) =>
    shortened(findings.filter((one) => one.level === level)),
  );
  return [...keyFindings(keys, new Set(judgedKeys)), ...shown, ...hubFindings(outcomes)];
}

function findingOf(alike: readonly RegistrationOutcome[], keys: AttestationKeys): Finding {
  const [first] = alike;
  if (first === undefined) throw new Error('no outcome');
  const group = first.group === null ? 'devices without a group' : `group ${JSON.stringify(first.group)}`;
  const ids = named(alike.map(({ registrationId }) => registrationId));
  if (first.result === 'not-started' || first.result === 'cancelled') {
    return unknown(SUBJECT, `${group}: ${ids} not fully tried, because the check was stopped`);
  }
  if (first.result === 'assigned') return assignedFinding(alike, `${group}: ${ids}`);
  const { errorCode, errorMessage, result } = first;
  const why = [errorCode, errorMessage].filter((text) => text !== null).map((text) => formatUntrusted(text));
  const evidence = `${group}: ${ids} ${result}${why.length === 0 ? '' : `: ${why.join(' ')}`}`;
  const remedy = remedyFor(errorCode ?? '') ?? 'Look the code up in the documentation of the service, and try again';
  return finding('problem', isOfCredentials(first) ? credentialsSubject(keys) : SUBJECT, evidence, remedy);
}

/** Outcomes of one group that ended alike. */
function alikeOutcomes(outcomes: readonly RegistrationOutcome[]): readonly (readonly RegistrationOutcome[])[] {
  const sorts = new Map<string, RegistrationOutcome[]>();
  for (const outcome of outcomes) {
    const sort = JSON.stringify([outcome.group, outcome.result, outcome.errorCode]);
    sorts.set(sort, [...(sorts.get(sort) ?? []), outcome]);
  }
  return [...sorts.values()];
}

function assignedFinding(alike: readonly RegistrationOutcome[], devices: string): Finding {
  const hubs = [...new Set(alike.map(({ assignedHub }) => assignedHub ?? ''))].map((hub) => formatUntrusted(hub));
  const evidence = `${devices} assigned to ${named(hubs)}`;
  if (alike[0]?.errorCode !== 'secondary-key') return ok(SUBJECT, evidence);
  const remedy = 'Correct the primary key: each device first fails with it';
  return warning(KEY_SUBJECT, `${evidence}, but only with the secondary key`, remedy);
}

/** Devices that came to another hub than the column `expected_hub` says. */
function hubFindings(outcomes: readonly RegistrationOutcome[]): readonly Finding[] {
  const elsewhere = outcomes.filter((outcome) => isExpectedHub(outcome) === false);
  if (elsewhere.length === 0) return [];
  const moves = elsewhere.map(({ registrationId, assignedHub, expectedHub }) => {
    const hub = formatUntrusted(assignedHub ?? '');
    return `${registrationId} was assigned to ${hub} instead of ${formatUntrusted(expectedHub ?? '')}`;
  });
  return [
    warning('allocation', named(moves), 'Check the allocation policy of the enrollment, and the column expected_hub'),
  ];
}

/** Refusals that this side's key or certificate has caused; any other failure is the target's. */
const CREDENTIAL_CODE = /^(401\d*|connack-[45]|client-certificate|certificate-(unreadable|mismatch))$/;

function isOfCredentials({ result, errorCode }: RegistrationOutcome): boolean {
  return result !== 'assigned' && CREDENTIAL_CODE.test(errorCode ?? '');
}

function credentialsSubject({ kind }: AttestationKeys): string {
  if (kind === 'group-key') return KEY_SUBJECT;
  return kind === 'device-key' ? 'device keys' : 'certificates';
}

function triedDevice(outcome: RegistrationOutcome): TriedDevice {
  const { registrationId, group, result, assignedHub, errorCode, errorMessage } = outcome;
  const mayBe = outcome.possiblyTwice || (outcome.operationId !== null && !outcome.operationFailed);
  const registered = result === 'assigned' ? 'yes' : mayBe ? 'maybe' : 'no';
  return { registrationId, group, result, registered, assignedHub, errorCode, errorMessage };
}

function shortened(findings: readonly Finding[]): readonly Finding[] {
  const [shown, more] = [findings.slice(0, FINDINGS_MAX), findings.slice(FINDINGS_MAX)];
  const [first] = more;
  if (first === undefined) return shown;
  return [
    ...shown,
    { ...first, evidence: `and ${formatCount(more.length)} more like these; --json lists all devices` },
  ];
}

function named(texts: readonly string[]): string {
  const more = texts.length - DEVICES_NAMED_MAX;
  const shown = texts.slice(0, DEVICES_NAMED_MAX).join(', ');
  return more > 0 ? `${shown} and ${formatNoun(more, 'other')}` : shown;
}
