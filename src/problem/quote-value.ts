/** Characters of an operator's value that a message shows. */
const SHOWN_CHARACTERS_MAX = 60;

/** Stands in a message for what may be a secret. */
export const HIDDEN = '(not shown: it looks like a secret)';

/** What may be a secret in the wrong place: base64 from the shortest key (16 bytes, 22 characters) on, an Azure token or connection string. */
const SECRET_LIKE = /[A-Za-z0-9+/]{22,}|SharedAccess|PRIVATE KEY/;

/** `text` in quotes for a message: cut when it is long, and not shown at all when it could be a secret. */
export function quoteValue(text: string): string {
  if (isSecretLike(text)) return HIDDEN;
  return JSON.stringify(text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}…` : text);
}

/** Whether `text` may hold a secret: rather too often than too seldom, for messages alone. */
export function isSecretLike(text: string): boolean {
  return SECRET_LIKE.test(text);
}
