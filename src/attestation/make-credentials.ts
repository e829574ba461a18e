import type { Clock } from '../time/clock.ts';
import type { AttestationKeys } from './attestation-keys.ts';
import { fileCredentials } from './certificate-file-credentials.ts';
import type { MakeCredentials } from './made-credentials.ts';
import { symmetricKeyCredentials } from './symmetric-key-credentials.ts';

/** Makes the credentials of any row of a run. */
export function credentialsMaker(keys: AttestationKeys, idScope: string, clock: Clock): MakeCredentials {
  switch (keys.kind) {
    case 'x509-files':
      return (row) => fileCredentials(keys.files, row);
    case 'x509-issuer':
      return issuedOnDemand(keys, clock);
    default:
      return async (row) => {
        const made = symmetricKeyCredentials(keys, idScope, row);
        if ('reason' in made) throw new Error(`row ${row.row} ${made.reason}; the survey should have refused it`);
        return made;
      };
  }
}

/** The library that makes certificates takes its time to load, and most runs make none. */
function issuedOnDemand(
  { issuer, intermediatesPem }: Extract<AttestationKeys, { kind: 'x509-issuer' }>,
  clock: Clock,
): MakeCredentials {
  const made = import('./issued-credentials.ts').then(({ issuedCredentials }) =>
    issuedCredentials(issuer, intermediatesPem, clock),
  );
  return async (row) => (await made)(row);
}
