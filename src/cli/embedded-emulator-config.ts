import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AttestationKeys, GroupKeys } from '../attestation/attestation-keys.ts';
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
      const groups = [DEFAULT_GROUP, ...Object.keys(keys.groups)];
      return groups.flatMap((enrollmentGroupId, index) => {
        const keyIn = ({ defaultKey, groups: named }: GroupKeys): string | null =>
          index === 0 ? defaultKey : (named[enrollmentGroupId] ?? null);
        const primary = keyIn(keys);
        if (primary === null) return [];
        const write = (rank: string, key: string): string => {
          const file = join(folder, `group-${index}-${rank}.key`);
          writeFileSync(file, key, { mode: 0o600 });
          return file;
        };
        const secondary = keyIn(keys.secondary);
        const symmetricKey = {
          primaryKeyFile: write('primary', primary),
          ...(secondary === null ? {} : { secondaryKeyFile: write('secondary', secondary) }),
        };
        return [{ enrollmentGroupId, attestation: { symmetricKey } }];
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
