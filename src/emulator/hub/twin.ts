import { isJsonObject, type JsonObject } from '../../dps/json-object.ts';
import { utcTimestamp } from '../service/answer.ts';

/** When a value was last changed, and each of its members. */
type Updated = { readonly atMs: number; readonly members: Readonly<Record<string, Updated>> };

/** Desired properties, reported properties, or tags. Never changed: a patch makes a new one. */
export type TwinSection = {
  readonly values: JsonObject;
  /** 1, and one more for each patch. */
  readonly version: number;
  readonly updated: Updated;
};

export type Twin = { desired: TwinSection; reported: TwinSection; tags: TwinSection };

export type TwinSectionName = keyof Twin;

/** Of a state file. */
export function isTwinSection(value: unknown): value is TwinSection {
  if (!isJsonObject(value)) return false;
  return isJsonObject(value['values']) && typeof value['version'] === 'number' && isUpdated(value['updated']);
}

function isUpdated(value: unknown): value is Updated {
  if (!isJsonObject(value) || typeof value['atMs'] !== 'number') return false;
  return isJsonObject(value['members']) && Object.values(value['members']).every(isUpdated);
}

/** Documented sizes of the sections ("Understand and use device twins in IoT Hub"). */
const SECTION_BYTES_MAX: Readonly<Record<TwinSectionName, number>> = {
  desired: 32 * 1024,
  reported: 32 * 1024,
  tags: 8 * 1024,
};
const NAME_BYTES_MAX = 1024;
const TEXT_BYTES_MAX = 4 * 1024;
const DEPTH_MAX = 10;
/** Of numbers, either way. */
const NUMBER_MAX = 2 ** 52;
/** Control characters, full stop, dollar sign and blank. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is forbidden
const FORBIDDEN_IN_NAMES = /[\u0000-\u001f\u007f-\u009f.$ ]/;

/** From `initialTwin` of an enrollment: `{ tags, properties: { desired } }`. */
export function newTwin(initialTwin: object | null, nowMs: number): Twin {
  const { tags, properties } = (initialTwin ?? {}) as { readonly tags?: unknown; readonly properties?: unknown };
  const desired = isJsonObject(properties) ? properties['desired'] : undefined;
  return { desired: newSection(desired, nowMs), reported: newSection({}, nowMs), tags: newSection(tags, nowMs) };
}

function newSection(initial: unknown, atMs: number): TwinSection {
  // An exported twin has $version and $metadata, which the hub writes itself.
  const own = Object.entries(isJsonObject(initial) ? initial : {}).filter(([name]) => !name.startsWith('$'));
  const empty = { values: {}, version: 0, updated: { atMs, members: {} } };
  return patched(empty, Object.fromEntries(own), atMs);
}

/** Members that are `null` in the patch go; mappings are merged; everything else replaces what was there. */
export function patched({ values, version, updated }: TwinSection, patch: JsonObject, atMs: number): TwinSection {
  return { values: merged(values, patch), version: version + 1, updated: touched(updated, patch, atMs) };
}

function merged(values: JsonObject, patch: JsonObject): JsonObject {
  const members = { ...values };
  for (const [name, value] of Object.entries(patch)) {
    const known = own(values, name);
    if (value === null) delete members[name];
    else put(members, name, isJsonObject(value) ? merged(isJsonObject(known) ? known : {}, value) : value);
  }
  return members;
}

function touched(updated: Updated, patch: JsonObject, atMs: number): Updated {
  const members = { ...updated.members };
  for (const [name, value] of Object.entries(patch)) {
    const known = own(updated.members, name) ?? { atMs, members: {} };
    if (value === null) delete members[name];
    else put(members, name, isJsonObject(value) ? touched(known, value, atMs) : { atMs, members: {} });
  }
  return { atMs, members };
}

/** A property may have the name of one that every object inherits. */
function own<Value>(members: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(members, name) ? members[name] : undefined;
}

/** Assigning to `__proto__` would do something else. */
function put<Value>(members: Record<string, Value>, name: string, value: Value): void {
  Object.defineProperty(members, name, { value, configurable: true, enumerable: true, writable: true });
}

/** What a hub would not accept of a patch, as the end of a sentence about it; `null` = it accepts the patch. */
export function patchProblem(name: TwinSectionName, section: TwinSection, patch: unknown): string | null {
  if (!isJsonObject(patch)) return 'is not a JSON object';
  const problem = valueProblem(patch, 0);
  if (problem !== null) return problem;
  const bytes = Buffer.byteLength(JSON.stringify(merged(section.values, patch)));
  return bytes > SECTION_BYTES_MAX[name]
    ? `makes the ${name} properties larger than ${SECTION_BYTES_MAX[name]} bytes`
    : null;
}

function valueProblem(value: unknown, depth: number): string | null {
  if (typeof value === 'string' && Buffer.byteLength(value) > TEXT_BYTES_MAX) {
    return `has a text of more than ${TEXT_BYTES_MAX} bytes`;
  }
  if (typeof value === 'number' && Math.abs(value) > NUMBER_MAX) return 'has a number beyond 2^52';
  if (typeof value !== 'object' || value === null) return null;
  if (depth === DEPTH_MAX) return `is nested more than ${DEPTH_MAX} levels deep`;
  for (const [name, member] of Object.entries(value)) {
    if (!Array.isArray(value)) {
      if (FORBIDDEN_IN_NAMES.test(name)) return 'has a name with a control character, ".", "$" or a blank';
      if (Buffer.byteLength(name) > NAME_BYTES_MAX) return `has a name of more than ${NAME_BYTES_MAX} bytes`;
    }
    const problem = valueProblem(member, depth + 1);
    if (problem !== null) return problem;
  }
  return null;
}

/** The twin as the device gets it: without tags and metadata. */
export function twinForDevice({ desired, reported }: Twin): JsonObject {
  return { desired: withVersion(desired), reported: withVersion(reported) };
}

function withVersion({ values, version }: TwinSection): JsonObject {
  return { ...values, $version: version };
}

/** A section as a reader of the service API gets it. */
function withMetadata({ values, version, updated }: TwinSection): JsonObject {
  return { ...values, $metadata: metadataOf(updated), $version: version };
}

function metadataOf({ atMs, members }: Updated): JsonObject {
  const ofMembers = Object.entries(members).map(([name, updated]) => [name, metadataOf(updated)]);
  return { $lastUpdated: utcTimestamp(atMs), ...Object.fromEntries(ofMembers) };
}

/** The twin as the service API shows it. */
export type TwinView = {
  /** Of the whole twin: one more for each change of any section. */
  readonly version: number;
  readonly tags: JsonObject;
  readonly properties: { readonly desired: JsonObject; readonly reported: JsonObject };
};

export function twinView({ desired, reported, tags }: Twin): TwinView {
  return {
    version: desired.version + reported.version + tags.version - 2,
    tags: tags.values,
    properties: { desired: withMetadata(desired), reported: withMetadata(reported) },
  };
}
