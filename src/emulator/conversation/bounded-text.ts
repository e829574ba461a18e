/**
 * `text` without what looks like a secret: signatures and keys of tokens and connection strings, and JSON members whose names
 * say so. Errs on the side of cutting.
 */
export function withoutSecrets(text: string): string {
  if (!MAY_BE_SECRET.test(text)) return text;
  return text
    .replace(SECRET_MEMBER, '$1"…"')
    .replace(SECRET_VALUE, '$1…')
    .replace(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, '(private key)');
}

const MAY_BE_SECRET = /key|secret|passw|token|credential|(?:sig|code)(?:=|%3d)/i;

/** Also percent-encoded, where %26 or %3B comes before the name. */
const SECRET_VALUE = /((?:\b|%[0-9a-f]{2})(?:sig|sharedaccesskey|accesskey|code)(?:=|%3d))[^&;"\s]*/gi;

/** The closing quote is missing where the text was cut. */
const SECRET_MEMBER = /("[^"\\]*(?:key|secret|passw|token|credential)[^"\\]*"\s*:\s*)"(?:[^"\\]|\\.)*(?:"|\\?$)/gi;

/** The same for a user name that cannot be read: a client may have mixed it up with its password or key. */
export function withoutKeys(text: string): string {
  return withoutSecrets(text).replace(/[A-Za-z0-9+/=]{40,}/g, '…');
}

/** At most so many characters. */
export function cut(text: string, charactersMax: number): string {
  return text.length > charactersMax ? copied(`${text.slice(0, charactersMax)}…`) : text;
}

/** A copy that lets go of what `text` was cut from: V8 keeps the whole of it in memory for the sake of one slice. */
export function copied(text: string): string {
  return Buffer.from(text).toString();
}
