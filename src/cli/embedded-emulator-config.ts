import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AttestationKeys } from '../attestation/attestation-keys.ts';
import { certificatesIn } from '../certificates/certificate-chain.ts';

/** Of the emulator that needs no configuration; any would do. */
const ID_SCOPE = '0ne0000E000';
/** The enrollment group of all rows whose group has no key of its own. */
const DEFAULT_GROUP = 'default';

/** As the configuration of the emulator has it. */
type EnrollmentGroup = { readonly enrollmentGroupId: string; readonly attestation: object };

/**
 * Writes a configuration with one enrollment group for each key of the run, or for its issuer; keys and certificate lie in
 * files beside it. `null` = the run has neither.
 */
export function writeEmulatorConfig(folder: string, keys: AttestationKeys): string | null {
  const enrollmentGroups = groupsOf(folder, keys);
  if (enrollmentGroups === null) return null;
  const config = join(folder, 'emulator.yaml');
  // JSON is YAML.
  writeFileSync(config, JSON.stringify({ version: 1, instances: [{ idScope: ID_SCOPE, enrollmentGroups }] }));
  return config;
}

function groupsOf(folder: string, keys: AttestationKeys): readonly EnrollmentGroup[] | null {
  switch (keys.kind) {
    case 'group-key': {
      const named = Object.entries(keys.groups);
      const all = keys.defaultKey === null ? named : [[DEFAULT_GROUP, keys.defaultKey] as const, ...named];
      return all.map(([enrollmentGroupId, key], index) => {
        const primaryKeyFile = join(folder, `group-${index}.key`);
        writeFileSync(primaryKeyFile, key, { mode: 0o600 });
        return { enrollmentGroupId, attestation: { symmetricKey: { primaryKeyFile } } };
      });
    }
    case 'x509-issuer': {
      const primary = join(folder, 'issuer.pem');
      writeFileSync(primary, String(certificatesIn(keys.issuer.certificatePem)[0]));
      return [{ enrollmentGroupId: DEFAULT_GROUP, attestation: { x509: { signingCertificates: { primary } } } }];
    }
    default:
      return null;
  }
}
