import { type Problem, ProblemList, problemIn } from '../problem/operator-error.ts';
import { isSecretLike, quoteValue } from '../problem/quote-value.ts';
import type { CsvRecord } from './csv-record.ts';
import type { FleetFile } from './fleet-file.ts';
import { isSecretName, KNOWN_COLUMNS, type KnownColumn, resembledColumn } from './known-columns.ts';

/** Where the fields of a record stand. */
export type FleetColumns = {
  /** Line of the header; `null` = the file has none. */
  readonly line: number | null;
  /** Fields of every record. */
  readonly width: number;
  /** 0-based places; a column that the file does not have is absent. */
  readonly placeOf: ReadonlyMap<KnownColumn, number>;
  /** The columns that dpsload does not know, in their order. */
  readonly others: readonly { readonly name: string; readonly place: number }[];
};

/** Columns of a file without a header line: registration IDs, and nothing else. */
export const HEADERLESS_COLUMNS: FleetColumns = {
  line: null,
  width: 1,
  placeOf: new Map([['registration_id', 0]]),
  others: [],
};

type Complaint = (message: string, remedy: string) => void;

/**
 * Reads the header line.
 *
 * @throws OperatorError listing every column that is missing, doubled, nameless, or probably meant to be something else.
 */
export function readFleetColumns(fleet: FleetFile, header: CsvRecord): FleetColumns {
  const problems = new ProblemList();
  const complain: Complaint = (message, remedy) => {
    problems.add(problemIn(fleet.file, message, remedy, header.line) satisfies Problem);
  };
  const columns = placeColumns(fleet, header);
  if (header.fields.some((name) => /[\0\uFFFD]/.test(name))) {
    complain('the header is not UTF-8 text', 'Save the file as CSV in UTF-8');
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

/** The name in the file of a known column. */
export function columnName(fleet: FleetFile, known: KnownColumn): string {
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
  return { line, width: names.length, placeOf, others };
}

function isLoneUnknown(names: readonly string[], columns: FleetColumns): boolean {
  return names.length === 1 && columns.placeOf.size === 0 && resembledColumn(names[0] ?? '') === null;
}

function complainOfLoneLine(line: string, complain: Complaint): void {
  const delimiter = [';', '\t', '|', ','].find((candidate) => line.includes(candidate));
  if (delimiter === undefined) {
    complain(
      `the first line is one field that is no column name: ${quoteValue(line)}`,
      'Use --no-header when it is a registration ID, --map registration_id=NAME when it is the header',
    );
  } else {
    const shown = delimiter === '\t' ? 'tab' : `'${delimiter}'`;
    complain('the header is one field only', `Use --delimiter ${shown} when that separates the columns`);
  }
}

function complainOfNames(names: readonly string[], complain: Complaint): void {
  names.forEach((name, place) => {
    if (name.trim() === '') {
      complain(
        `column ${place + 1} has no name`,
        'Name it, or remove the column (a delimiter at the end of the line makes one)',
      );
    } else if (names.indexOf(name) !== place) {
      complain(`column ${quoteValue(name)} is there twice`, 'Rename or remove one of the two');
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
        `there is no column ${quoteValue(columnName(fleet, column))} for ${column}; ${found}`,
        `Correct --map ${column}=NAME`,
      );
    }
  }
  const isMissing = !columns.placeOf.has('registration_id') && fleet.columns.registration_id === undefined;
  if (isMissing && !names.some((name) => resembledColumn(name) === 'registration_id')) {
    complain(`there is no column registration_id; ${found}`, 'Say which one holds the IDs: --map registration_id=NAME');
  }
}

/** Whether the file lacks what `--map` names for `column`. */
function isMissed(fleet: FleetFile, { placeOf }: FleetColumns, column: KnownColumn): boolean {
  return fleet.columns[column] !== undefined && !placeOf.has(column);
}

/** @param missed columns whose `--map` is complained of already: what resembles them is what it should have named */
function complainOfOther(name: string, missed: readonly KnownColumn[], complain: Complaint): void {
  const shown = isSecretLike(name) ? 'NAME' : name;
  const resembled = resembledColumn(name);
  if (resembled !== null && missed.includes(resembled)) return;
  if (resembled !== null) {
    complain(
      `column ${quoteValue(name)} resembles ${resembled}`,
      `Use --map '${resembled}=${shown}' when that is what it holds; rename it when it is something else`,
    );
  } else if (isSecretName(name)) {
    complain(
      `column ${quoteValue(name)} looks like a secret, and columns that dpsload does not know are copied into the results`,
      `Use --map 'device_key=${shown}' when it holds the devices' keys; remove the column when it holds anything else`,
    );
  }
}
