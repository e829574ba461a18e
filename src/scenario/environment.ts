/** Environment variables by their names; one that is empty counts as not set. */
export type Environment = Readonly<Record<string, string | undefined>>;
