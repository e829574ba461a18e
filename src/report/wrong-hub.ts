import { type CsvCell, fleetColumn } from '../files/csv-line.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { formatCount, formatNoun, formatUntrusted } from './format.ts';
import type { Summary } from './summary.ts';

/** Registrations at a wrong hub that the summary names; `wrong-hub.csv` has them all. */
const WRONG_HUBS_NAMED_MAX = 5;

/** A registration at a hub that should not have the device. */
export type WrongHub = {
  readonly outcome: RegistrationOutcome;
  /** Where the row begins in the fleet file; `null` = the file is missing or was changed. */
  readonly line: number | null;
  readonly expectedHubs: readonly string[];
};

const COLUMNS = ['registration_id', 'line', 'round', 'assigned_hub', 'expected_hubs', 'group'] as const;

/** A fleet column with the name of one of these becomes `fleet_{name}`. */
export function wrongHubCsvNames(otherColumns: readonly string[]): readonly string[] {
  return [...COLUMNS, ...otherColumns.map((name) => fleetColumn(name, COLUMNS))];
}

export function wrongHubCsvCells({ outcome, line, expectedHubs }: WrongHub): readonly CsvCell[] {
  const { registrationId, round, assignedHub, group, otherValues } = outcome;
  return [registrationId, line, round, assignedHub, expectedHubs.join(' '), group, ...otherValues];
}

/** Counts the registrations at a wrong hub, and keeps the first. */
export class WrongHubs {
  readonly #first: NonNullable<Summary['wrongHubs']>['first'][number][] = [];
  #count = 0;

  add({ outcome, line, expectedHubs }: WrongHub): void {
    this.#count += 1;
    if (this.#first.length >= WRONG_HUBS_NAMED_MAX) return;
    const { registrationId, round, assignedHub } = outcome;
    this.#first.push({ registrationId, line, round, hub: assignedHub ?? '', expectedHubs: [...expectedHubs] });
  }

  result(): NonNullable<Summary['wrongHubs']> {
    return { count: this.#count, first: this.#first };
  }
}

/** `3 registrations at a wrong hub, all in wrong-hub.csv`; `null` = none. */
export function wrongHubTitle({ wrongHubs, files }: Pick<Summary, 'wrongHubs' | 'files'>): string | null {
  if (wrongHubs === null || wrongHubs.count === 0) return null;
  const listed = files === null ? '' : ', all in wrong-hub.csv';
  return `${formatNoun(wrongHubs.count, 'registration')} at a wrong hub${listed}`;
}

/** `dev-7  line 9  hub-b.azure-devices.net  expected hub-a.azure-devices.net`, cell by cell. */
export function wrongHubRows({ wrongHubs }: Pick<Summary, 'wrongHubs'>): readonly (readonly string[])[] {
  return (wrongHubs?.first ?? []).map(({ registrationId, line, hub, expectedHubs }) => [
    formatUntrusted(registrationId),
    line === null ? 'line not known' : `line ${line}`,
    formatUntrusted(hub),
    `expected ${formatUntrusted(expectedHubs.join(' or '))}`,
  ]);
}

/** `and 2 more`; empty if all are named. */
export function unnamedWrongHubs({ wrongHubs }: Pick<Summary, 'wrongHubs'>): readonly string[] {
  const left = (wrongHubs?.count ?? 0) - (wrongHubs?.first.length ?? 0);
  return left > 0 ? [`and ${formatCount(left)} more`] : [];
}
