type JsonSchema = {
  readonly $ref?: string;
  readonly definitions?: Readonly<Record<string, JsonSchema>>;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly allOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
};

/** The keys that a JSON Schema allows in the mapping at `path`; empty when none can stand there. */
export function keysAt(schema: object, path: readonly (string | number)[]): readonly string[] {
  const root: JsonSchema = schema;
  let places = alternatives(root, root);
  for (const step of path) {
    places = places.flatMap(({ properties, items }) => {
      const next = typeof step === 'number' ? items : properties?.[step];
      return next === undefined ? [] : alternatives(next, root);
    });
  }
  return [...new Set(places.flatMap(({ properties }) => Object.keys(properties ?? {})))];
}

/** The schemas that may stand for `schema`: references followed, unions taken apart. */
function alternatives(schema: JsonSchema, root: JsonSchema): readonly JsonSchema[] {
  const referred = root.definitions?.[schema.$ref?.replace('#/definitions/', '') ?? ''];
  if (referred !== undefined) return alternatives(referred, root);
  const choices = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  return choices === undefined ? [schema] : choices.flatMap((choice) => alternatives(choice, root));
}
