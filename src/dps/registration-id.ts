/**
 * Registration ID: up to 128 letters, digits and `-` `.` `_` `:`, ending with a letter, digit or dash.
 * Case-insensitive at the service. With X.509 the common name limits it to 64 characters.
 */
const REGISTRATION_ID = /^[A-Za-z0-9._:-]{0,127}[A-Za-z0-9-]$/;

const REGISTRATION_ID_CHARACTERS_MAX = 128;
export const COMMON_NAME_CHARACTERS_MAX = 64;

/** Why `registrationId` is not a valid registration ID, as the end of a sentence; `null` if it is valid. */
export function registrationIdProblem(registrationId: string): string | null {
  if (registrationId === '') return 'is empty';
  if (registrationId.length > REGISTRATION_ID_CHARACTERS_MAX) {
    return `is ${registrationId.length} characters long; at most ${REGISTRATION_ID_CHARACTERS_MAX} are allowed`;
  }
  if (REGISTRATION_ID.test(registrationId)) return null;
  const illegal = /[^A-Za-z0-9._:-]/u.exec(registrationId);
  if (illegal) return `contains ${JSON.stringify(illegal[0])}; letters, digits and - . _ : are allowed`;
  return 'must end with a letter, a digit or a dash';
}

/** Two registration IDs with the same folded form are the same device to the service. */
export function foldRegistrationId(registrationId: string): string {
  return registrationId.toLowerCase();
}
