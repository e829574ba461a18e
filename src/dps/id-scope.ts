/** `0ne` and 8 more letters or digits in the public cloud (`0ne00111111`); `0cn…` and others elsewhere are third-party evidence. */
const ID_SCOPE = /^0[a-z]{2}[0-9A-Za-z]{8}$/;

/** Why `idScope` cannot be an ID scope, as the end of a sentence, or `null` when it can. */
export function idScopeProblem(idScope: string): string | null {
  if (ID_SCOPE.test(idScope)) return null;
  return 'does not look like an ID scope: 0ne and 8 letters or digits, for example 0ne00111111 (shown on the overview page of the DPS instance)';
}
