/** Writes one member of a record to JSON, and reads it back with its type checked. */
export type Field<T> = {
  /** Returns the JSON value; `undefined` omits the member. */
  readonly write: (value: T) => unknown;
  /** `undefined` = the member is absent. @throws FieldError for a value of another type */
  readonly read: (value: unknown) => T;
};

export type Fields<T> = { readonly [K in keyof T]: Field<T[K]> };

/** A member is missing or has the wrong type; the message begins with its path. */
export class FieldError extends Error {
  override readonly name = 'FieldError';
}

/** The value that a field writes and reads. */
export type FieldValue<F> = F extends Field<infer T> ? T : never;

/** Times in milliseconds are kept to the microsecond, shares to a tenth of a percent. */
const STEPS_PER_UNIT = 1000;

function plain<T>(what: string, holds: (value: unknown) => value is T): Field<T> {
  return {
    write: (value) => value,
    read(value) {
      if (holds(value)) return value;
      throw new FieldError(value === undefined ? 'is missing' : `is not ${what}`);
    },
  };
}

export const text: Field<string> = plain('a string', (value) => typeof value === 'string');

export const flag: Field<boolean> = plain('true or false', (value) => typeof value === 'boolean');

/** A count or an index: a whole number from 0. */
export const whole: Field<number> = plain(
  'a whole number from 0',
  (value): value is number => Number.isSafeInteger(value) && Number(value) >= 0,
);

export const number: Field<number> = plain('a number', (value): value is number => Number.isFinite(value));

/** A time in milliseconds or a share, rounded to a thousandth on writing. */
export const rounded: Field<number> = {
  write(value) {
    if (!Number.isFinite(value)) throw new Error(`${value} cannot be written`);
    return Math.round(value * STEPS_PER_UNIT) / STEPS_PER_UNIT;
  },
  read: number.read,
};

export function oneOf<const T>(values: readonly T[]): Field<T> {
  return plain(`one of ${values.join(', ')}`, (value): value is T => (values as readonly unknown[]).includes(value));
}

/** Omits `null`. */
export function orNull<T>(field: Field<T>): Field<T | null> {
  return {
    write: (value) => (value === null ? undefined : field.write(value)),
    read: (value) => (value === undefined ? null : field.read(value)),
  };
}

/** Omits the value `usual`. */
export function orUsual<T extends number | boolean | string>(field: Field<T>, usual: T): Field<T> {
  return {
    write(value) {
      const written = field.write(value);
      return written === usual ? undefined : written;
    },
    read: (value) => (value === undefined ? usual : field.read(value)),
  };
}

/** Omits an empty list. */
export function list<T>(field: Field<T>): Field<readonly T[]> {
  return {
    write: (values) => (values.length === 0 ? undefined : values.map(field.write)),
    read(values) {
      if (values === undefined) return [];
      if (!Array.isArray(values)) throw new FieldError('is not a list');
      return values.map((value, index) => {
        try {
          return field.read(value);
        } catch (error) {
          throw placed(`[${index}]`, error);
        }
      });
    },
  };
}

/** Texts by name. Omits an empty record. */
export const texts: Field<Readonly<Record<string, string>>> = {
  write: (values) => (Object.keys(values).length === 0 ? undefined : values),
  read(values) {
    if (values === undefined) return {};
    if (typeof values !== 'object' || values === null || Array.isArray(values))
      throw new FieldError('is not an object');
    const entries = Object.entries(values).map(([name, value]) => [name, memberAt(name, () => text.read(value))]);
    return Object.fromEntries(entries);
  },
};

function memberAt<T>(place: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw placed(place, error);
  }
}

/** `undefined` = the member must not be absent. */
function valueOfAbsent<T>(field: Field<T>): T | undefined {
  try {
    return field.read(undefined);
  } catch (error) {
    if (error instanceof FieldError) return undefined;
    throw error;
  }
}

/** An object; `keys` gives the JSON names of members whose names differ there. */
export function members<T extends object>(
  fields: Fields<T>,
  keys: { readonly [K in keyof T]?: string } = {},
): Field<Readonly<T>> {
  const entries = (Object.keys(fields) as (keyof T)[]).map((name) => ({
    name,
    key: keys[name] ?? String(name),
    field: fields[name],
  }));
  // A copy of an object that has all members is several times cheaper than adding them one by one.
  const nothingWritten = Object.fromEntries(entries.map(({ key }) => [key, undefined as unknown]));
  const absent = Object.fromEntries(entries.map(({ name, field }) => [name, valueOfAbsent(field)])) as Partial<T>;
  const byKey = new Map(entries.map((entry) => [entry.key, entry]));
  const required = entries.filter(({ name }) => absent[name] === undefined);
  return {
    write(value) {
      const written = { ...nothingWritten };
      for (const { name, key, field } of entries) {
        // `null` is omitted in any case, and most members of an outcome are.
        if (value[name] !== null) written[key] = field.write(value[name]);
      }
      return written;
    },
    read(value) {
      if (typeof value !== 'object' || value === null) throw new FieldError('is not an object');
      const read = { ...absent };
      let place = '';
      try {
        for (place in value) {
          const entry = byKey.get(place);
          if (entry !== undefined) read[entry.name] = entry.field.read((value as Record<string, unknown>)[place]);
        }
      } catch (error) {
        throw placed(place, error);
      }
      for (const { name, key } of required) if (read[name] === undefined) throw new FieldError(`${key} is missing`);
      return read as T;
    },
  };
}

/**
 * The members as a list in the order of `names`, `null` for absent ones. Omits the list when all are absent, and the members behind the first
 * `countMin`, which earlier versions did not have, when they are.
 */
export function tuple<T extends object>(
  names: readonly (keyof T)[],
  field: Field<number>,
  countMin = names.length,
): Field<Nullable<T>> {
  const allAbsent = Object.fromEntries(names.map((name) => [name, null])) as Nullable<T>;
  return {
    write(value) {
      const last = names.findLastIndex((name) => value[name] !== null);
      if (last < 0) return undefined;
      const written = names.slice(0, Math.max(countMin, last + 1));
      return written.map((name) => (value[name] === null ? null : field.write(value[name])));
    },
    read(values) {
      if (values === undefined) return { ...allAbsent };
      if (!Array.isArray(values) || values.length < countMin || values.length > names.length) {
        throw new FieldError(`is not a list of ${countMin === names.length ? '' : `${countMin} to `}${names.length}`);
      }
      const read: { -readonly [K in keyof T]: number | null } = { ...allAbsent };
      names.forEach((name, index) => {
        if ((values[index] ?? null) !== null) read[name] = field.read(values[index]);
      });
      return read;
    },
  };
}

type Nullable<T> = { readonly [K in keyof T]: number | null };

/** Prefixes the message of a `FieldError` with the place of the value. */
function placed(place: string, error: unknown): unknown {
  return error instanceof FieldError ? new FieldError(`${place} ${error.message}`) : error;
}
