import { isJsonObject } from '../dps/json-object.ts';
import {
  type AttestationBody,
  ENROLLMENT_STATUSES,
  HUB_POLICIES,
  type IndividualEnrollmentBody,
  type InitialTwinBody,
  REPROVISIONINGS,
} from '../dps/service-api.ts';
import type { FleetRow, RowComplaint } from '../fleet/fleet-row.ts';
import { type Problem, problemIn } from '../problem/operator-error.ts';
import { quoteValue } from '../problem/quote-value.ts';
import { similarWord } from '../problem/similar-word.ts';
import { HOST_LIST } from '../scenario/notation/lists.ts';
import { choice, type Notation, notation, YES_NO } from '../scenario/notation/notation.ts';

/** What enrollments are like, besides their ID and attestation; `null` = left to the service. */
export type EnrollmentSettings = {
  readonly hubs: readonly string[] | null;
  readonly policy: (typeof HUB_POLICIES)[number] | null;
  readonly webhook: { readonly webhookUrl: string; readonly apiVersion: string } | null;
  readonly initialTwin: InitialTwinBody | null;
  readonly reprovisioning: (typeof REPROVISIONINGS)[number];
  readonly status: (typeof ENROLLMENT_STATUSES)[number];
  readonly iotEdge: boolean;
};

/** Characters of a device ID at IoT Hub (documentation, "Device identity properties"). */
const DEVICE_ID = notation({
  placeholder: 'id',
  noun: 'a device ID',
  remedy: "Write up to 128 letters, digits and - : . + % _ # * ? ! ( ) , = @ ; $ '",
  parse: (text) => (/^[A-Za-z0-9:.+%_#*?!(),=@;$'-]{1,128}$/.test(text) ? text : null),
});

/** Its tags and desired properties are objects; nothing else is in it. */
export const INITIAL_TWIN = notation<InitialTwinBody>({
  placeholder: 'JSON',
  noun: 'an initial twin',
  remedy:
    'Write JSON with the objects tags, properties.desired or both: {"tags":{"site":"a"},"properties":{"desired":{"interval":60}}}',
  parse: parseTwin,
  show: (twin) => JSON.stringify(twin),
});

function parseTwin(text: string): InitialTwinBody | null {
  let twin: unknown;
  try {
    twin = JSON.parse(text);
  } catch {
    return null;
  }
  if (!hasOnly(twin, ['tags', 'properties'])) return null;
  const { tags = {}, properties = {} } = twin;
  if (!isJsonObject(tags) || !hasOnly(properties, ['desired'])) return null;
  return isJsonObject(properties['desired'] ?? {}) ? (twin as InitialTwinBody) : null;
}

function hasOnly(value: unknown, names: readonly string[]): value is Readonly<Record<string, unknown>> {
  return isJsonObject(value) && Object.keys(value).every((name) => names.includes(name));
}

/** The columns of a fleet that say what each enrollment is like. An empty field leaves it to the setting. */
const COLUMNS = {
  device_id: DEVICE_ID,
  iot_hubs: HOST_LIST,
  allocation_policy: choice(HUB_POLICIES),
  initial_twin: INITIAL_TWIN,
  reprovisioning: choice(REPROVISIONINGS),
  enrollment_status: choice(ENROLLMENT_STATUSES),
  iot_edge: YES_NO,
} as const;

type ColumnName = keyof typeof COLUMNS;

const COLUMN_NAMES = Object.keys(COLUMNS) as readonly ColumnName[];

type ColumnValues = {
  readonly [Name in ColumnName]: (typeof COLUMNS)[Name] extends Notation<infer Value> ? Value | null : never;
};

export type EnrollmentColumns = {
  /** Among the other columns of the fleet; -1 = the fleet has none. */
  readonly places: Readonly<Record<ColumnName, number>>;
  /** Columns without a meaning for enrollments. */
  readonly unused: readonly string[];
};

/** Finds the columns of enrollments in a fleet; a column that is nearly called like one is a problem. */
export function enrollmentColumns(file: string, others: readonly string[], problems: Problem[]): EnrollmentColumns {
  const places = Object.fromEntries(COLUMN_NAMES.map((name) => [name, others.indexOf(name)])) as Record<
    ColumnName,
    number
  >;
  const unused = others.filter((name) => !(COLUMN_NAMES as readonly string[]).includes(name));
  for (const name of unused) {
    const meant = similarWord(name, COLUMN_NAMES);
    if (meant === null) continue;
    problems.push(
      problemIn(
        file,
        `column ${quoteValue(name)} resembles ${meant}`,
        `Rename it to ${meant}, or to something else`,
        1,
      ),
    );
  }
  return { places, unused };
}

export type WantedEnrollment =
  | { readonly wanted: IndividualEnrollmentBody }
  | { readonly complaints: readonly RowComplaint[] };

/** The enrollment that a row asks for. */
export function wantedEnrollment(
  row: FleetRow,
  { places }: Pick<EnrollmentColumns, 'places'>,
  settings: EnrollmentSettings,
  attestation: AttestationBody,
): WantedEnrollment {
  const complaints: RowComplaint[] = [];
  const values = columnValues(row, places, complaints);
  const { device_id: deviceId } = values;
  const own: EnrollmentSettings = {
    hubs: values.iot_hubs ?? settings.hubs,
    policy: values.allocation_policy ?? settings.policy,
    webhook: settings.webhook,
    initialTwin: values.initial_twin ?? settings.initialTwin,
    reprovisioning: values.reprovisioning ?? settings.reprovisioning,
    status: values.enrollment_status ?? settings.status,
    iotEdge: values.iot_edge ?? settings.iotEdge,
  };
  complaints.push(...settingComplaints(own));
  if (complaints.length > 0) return { complaints };
  const { registrationId } = row;
  return { wanted: { registrationId, ...(deviceId === null ? {} : { deviceId }), attestation, ...settingsBody(own) } };
}

function columnValues(
  { otherValues }: FleetRow,
  places: EnrollmentColumns['places'],
  complaints: RowComplaint[],
): ColumnValues {
  const values = COLUMN_NAMES.map((name) => {
    const text = otherValues[places[name]]?.trim() ?? '';
    if (text === '') return [name, null] as const;
    const column: Notation<unknown> = COLUMNS[name];
    const reading = column.read(text);
    if ('value' in reading) return [name, reading.value] as const;
    complaints.push({ message: `${name} ${reading.problem}`, remedy: column.remedy });
    return [name, null] as const;
  });
  return Object.fromEntries(values) as ColumnValues;
}

/** What does not go together: the service refuses it with 400004, or could not allocate. */
export function settingComplaints({ hubs, policy, webhook }: EnrollmentSettings): readonly RowComplaint[] {
  if (hubs !== null && policy === null) {
    const remedy = 'Add --hub-policy, or a column allocation_policy: the service accepts hubs only together with it';
    return [{ message: 'hubs without an allocation policy', remedy }];
  }
  if (policy === 'custom' && webhook === null) {
    return [{ message: 'the allocation policy custom without a webhook', remedy: 'Add --webhook-url-file FILE' }];
  }
  return [];
}

/** The settings on the wire, those with a documented default spelt out. */
export function settingsBody(
  settings: EnrollmentSettings,
): Omit<IndividualEnrollmentBody, 'registrationId' | 'attestation'> {
  const { hubs, policy, webhook, initialTwin, reprovisioning, status, iotEdge } = settings;
  const isCustom = policy === 'custom' && webhook !== null;
  return {
    provisioningStatus: status,
    capabilities: { iotEdge },
    reprovisionPolicy: {
      updateHubAssignment: reprovisioning !== 'never',
      migrateDeviceData: reprovisioning === 'migrate',
    },
    ...(policy === null ? {} : { allocationPolicy: policy }),
    ...(hubs === null ? {} : { iotHubs: hubs }),
    ...(isCustom ? { customAllocationDefinition: webhook } : {}),
    ...(initialTwin === null ? {} : { initialTwin }),
  };
}
