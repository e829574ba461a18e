import { quoteForShell } from '../files/quote-for-shell.ts';
import { ProblemList, problemIn } from '../problem/operator-error.ts';
import { isSecretLike, quoteValue } from '../problem/quote-value.ts';
import { SAVE_AS_UTF8 } from './csv-encoding.ts';
import type { CsvRecord } from './csv-record.ts';
import type { FleetFile } from './fleet-file.ts';
import { isSecretName, KNOWN_COLUMNS, type KnownColumn, likelyIdColumn, resembledColumn } from './known-columns.ts';

/** The place of each column in the records of a file. */
export type FleetColumns = {
  /** Line of the header; `null` = the file has no header. */
  readonly line: number | null;
  /** Number of fields in every record. */
  readonly width: number;
  /** 0-based; a column that the file lacks is absent. */
  readonly placeOf: ReadonlyMap<KnownColumn, number>;
  /** The same for what is done with every row, where a map would take a third of the time; -1 = the file lacks it. */
  readonly places: Readonly<Record<KnownColumn, number>>;
  /** The columns that are not known, in their order. */
  readonly others: readonly { readonly name: string; readonly place: number }[];
};

/** A file without a header line holds registration IDs only. */
export const HEADERLESS_COLUMNS: FleetColumns = {
  line: null,
  width: 1,
  placeOf: new Map([['registration_id', 0]]),
  places: placesIn(new Map([['registration_id', 0]])),
  others: [],
};

function placesIn(placeOf: FleetColumns['placeOf']): FleetColumns['places'] {
  const place = (column: KnownColumn): number => placeOf.get(column) ?? -1;
  return {
    registration_id: place('registration_id'),
    device_key: place('device_key'),
    cert_file: place('cert_file'),
    key_file: place('key_file'),
    payload: place('payload'),
    group: place('group'),
    expected_hub: place('expected_hub'),
  };
}

type Complaint = (message: string, remedy: string) => void;

/**
 * Reads the header line.
 *
 * @throws OperatorError for every column that is missing, repeated, nameless, or probably misspelt.
 */
export function readFleetColumns(fleet: FleetFile, record: CsvRecord): FleetColumns {
  const header = { ...record, fields: record.fields.map((name, place) => record.windows1252?.get(place) ?? name) };
  const problems = new ProblemList();
  const complain: Complaint = (message, remedy) => {
    problems.add(problemIn(fleet.file, message, remedy, header.line));
  };
  const columns = placeColumns(fleet, header);
  if (header.fields.some((name) => /[\0\uFFFD]/.test(name))) {
    complain('the header is not UTF-8 text', SAVE_AS_UTF8);
  } else if (fleet.columns.registration_id === undefined && isLoneUnknown(header.fields, columns)) {
    complainOfLoneLine(header.fields[0] ?? '', complain);
  } else {
    complainOfNames(header.fields, complain);
    complainOfMissing(fleet, header.fields, columns, complain);
    const missed = KNOWN_COLUMNS.filter((column) => isMissed(fleet, columns, column));
    for (const { name } of columns.others) complainOfOther(name, missed, complain);
  }
  problems.throwIfAny('usage');
  return columns;
}

/** The name of a known column in the file. */
export function columnName(fleet: Pick<FleetFile, 'columns'>, known: KnownColumn): string {
  return fleet.columns[known] ?? known;
}

function placeColumns(fleet: FleetFile, { line, fields: names }: CsvRecord): FleetColumns {
  const known = new Map(KNOWN_COLUMNS.map((column) => [columnName(fleet, column), column]));
  const placeOf = new Map<KnownColumn, number>();
  const others: { name: string; place: number }[] = [];
  names.forEach((name, place) => {
    const column = known.get(name);
    if (column === undefined) others.push({ name, place });
    else placeOf.set(column, place);
  });
  return { line, width: names.length, placeOf, places: placesIn(placeOf), others };
}

function isLoneUnknown(names: readonly string[], columns: FleetColumns): boolean {
  const isUnknown = resembledColumn(names[0] ?? '') === null && likelyIdColumn(names) === null;
  return names.length === 1 && columns.placeOf.size === 0 && isUnknown;
}

function complainOfLoneLine(line: string, complain: Complaint): void {
  const delimiter = [';', '\t', '|', ','].find((candidate) => line.includes(candidate));
  if (delimiter === undefined) {
    complain(
      `the first line is a single field that is not a known column: ${quoteValue(line)}`,
      'Use --no-header if it is a registration ID, or --map registration_id=NAME if it is the header',
    );
  } else {
    const shown = delimiter === '\t' ? 'tab' : `'${delimiter}'`;
    complain('the header has only one field', `Use --delimiter ${shown} if that separates the columns`);
  }
}

function complainOfNames(names: readonly string[], complain: Complaint): void {
  names.forEach((name, place) => {
    if (name.trim() === '') {
      complain(
        `column ${place + 1} has no name`,
        'Name it, or remove the column (a delimiter at the end of the line creates one)',
      );
    } else if (names.indexOf(name) !== place) {
      complain(`column ${quoteValue(name)} appears twice`, 'Rename or remove one of the two');
    }
  });
}

function complainOfMissing(
  fleet: FleetFile,
  names: readonly string[],
  columns: FleetColumns,
  complain: Complaint,
): void {
  const found = `the columns are ${names.map(quoteValue).join(', ')}`;
  for (const column of KNOWN_COLUMNS) {
    if (isMissed(fleet, columns, column)) {
      complain(
        `no column ${quoteValue(columnName(fleet, column))} for ${column}; ${found}`,
        `Correct --map ${column}=NAME`,
      );
    }
  }
  const isMissing = !columns.placeOf.has('registration_id') && fleet.columns.registration_id === undefined;
  if (isMissing && !names.some((name) => resembledColumn(name) === 'registration_id')) {
    const likely = likelyIdColumn(names.filter((name) => !isSecretLike(name)));
    const remedy =
      likely === null
        ? 'Name the column that holds the IDs: --map registration_id=NAME'
        : `Did you mean ${mapFlag('registration_id', likely)}? Otherwise name the column that holds the IDs`;
    complain(`no column registration_id; ${found}`, remedy);
  }
}

/** Takes the column `name` of the file as `known`. */
function mapFlag(known: KnownColumn, name: string): string {
  return `--map ${quoteForShell(`${known}=${name}`)}`;
}

/** Whether the file lacks the column that `--map` names for `column`. */
function isMissed(fleet: FleetFile, { placeOf }: FleetColumns, column: KnownColumn): boolean {
  return fleet.columns[column] !== undefined && !placeOf.has(column);
}

/** @param missed Columns with a complaint about their `--map` already: a similar name is probably what it should have said. */
function complainOfOther(name: string, missed: readonly KnownColumn[], complain: Complaint): void {
  const shown = isSecretLike(name) ? 'NAME' : name;
  const resembled = resembledColumn(name);
  if (resembled !== null && missed.includes(resembled)) return;
  if (resembled !== null) {
    complain(
      `column ${quoteValue(name)} resembles ${resembled}`,
      `Did you mean ${mapFlag(resembled, shown)}? Otherwise rename the column`,
    );
  } else if (isSecretName(name)) {
    complain(
      `column ${quoteValue(name)} looks like a secret, and unknown columns are copied into the results`,
      `Use ${mapFlag('device_key', shown)} if it holds the devices' keys; otherwise remove the column`,
    );
  }
}
