/**
 * Seen: `{digit}.{16 hex}.{GUID}`, 55 characters; opaque. What cannot stand raw in an MQTT topic's query (`& # + /`, blanks,
 * NUL) is no operation ID; 512 characters leave room for other forms.
 */
const OPERATION_ID = /^[A-Za-z0-9._:~-]{1,512}$/;

/** Whether `text` can be polled as an operation ID. */
export function isOperationId(text: string | null): text is string {
  return text !== null && OPERATION_ID.test(text);
}
