/** `null` = it is not percent-encoded UTF-8. */
export function percentDecoded(text: string): string | null {
  // Most texts have nothing to decode.
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
