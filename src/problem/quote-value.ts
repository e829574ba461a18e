/** Longest value that a message quotes in full, in characters. */
const SHOWN_CHARACTERS_MAX = 60;

/** Replaces a possible secret in a message. */
export const HIDDEN = '(not shown: it looks like a secret)';

/** A possible secret in the wrong place: base64 at least as long as the shortest key (16 bytes, 22 characters), an Azure token or connection string. */
const SECRET_LIKE = /[A-Za-z0-9+/]{22,}|SharedAccess|PRIVATE KEY/;

/** Quotes `text` for a message: truncated if long, hidden if it could be a secret. */
export function quoteValue(text: string): string {
  if (isSecretLike(text)) return HIDDEN;
  return JSON.stringify(text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}…` : text);
}

/** Returns whether `text` may contain a secret. Errs on the side of yes; only for messages. */
export function isSecretLike(text: string): boolean {
  return SECRET_LIKE.test(text);
}

/**
 * `text` with every URL in it cut: without name and password, and without query and fragment, in which function apps are
 * given their key (`?code=…`).
 */
export function withoutUrlSecrets(text: string): string {
  return text.replace(/(https?:\/\/)(?:[^\s/?#]*@)?([^\s?#]*)\S*/gi, '$1$2');
}
