import { ID_IN_PATTERN } from '../../fleet/certificate-files.ts';
import { choice, FILE, FILE_PATTERN, FOLDER, VARIABLE } from '../notation/notation.ts';
import { inGroup, setting, unflagged } from './setting.ts';

const NO_KEYS_IN_FLAGS = 'keys never go on the command line';
const NO_SECONDARY_KEY = 'a wrong key should not go unnoticed';
const NAMES_OF_ISSUE = 'the names that dpsload certs issue uses';
const OWN_CERTIFICATES = 'most devices have their own certificates';

/** Where the devices' keys and certificates come from. */
export const ATTESTATION_SETTINGS = inGroup('Keys', {
  attestation: setting(
    'attestation.kind',
    { ...choice(['group-key', 'device-key', 'x509']), placeholder: 'kind' },
    {
      default: 'group-key',
      reason: 'most fleets belong to one enrollment group',
      help: 'group-key derives device keys from an enrollment group key, device-key reads each key from the column device_key, x509 uses certificates',
    },
  ),
  groupKeyFile: setting('attestation.keyFile', FILE, {
    defaultText: 'the environment variable DPSLOAD_GROUP_KEY',
    reason: NO_KEYS_IN_FLAGS,
    help: 'file with the base64 key of the enrollment group',
  }),
  groupKeyVariable: unflagged('attestation.keyVariable', VARIABLE, {
    defaultText: 'DPSLOAD_GROUP_KEY',
    reason: NO_KEYS_IN_FLAGS,
    help: 'name of the environment variable with the base64 key of the enrollment group',
  }),
  secondaryKeyFile: setting('attestation.secondaryKeyFile', FILE, {
    reason: NO_SECONDARY_KEY,
    help: 'file with the secondary key of the enrollment group; a run tries it for devices whose primary key the service rejects, enroll derives secondary keys from it',
  }),
  secondaryKeyVariable: unflagged('attestation.secondaryKeyVariable', VARIABLE, {
    reason: NO_SECONDARY_KEY,
    help: 'name of the environment variable with the secondary key of the enrollment group',
  }),
  certDir: setting('attestation.folder', FOLDER, {
    defaultText: 'the columns cert_file and key_file',
    reason: 'each row names its own files',
    help: 'folder with the certificate (leaf, then intermediates) and the key of each device, PEM',
  }),
  certPattern: setting('attestation.certificatePattern', FILE_PATTERN, {
    default: `${ID_IN_PATTERN}.pem`,
    reason: NAMES_OF_ISSUE,
    help: 'name of each certificate file in --cert-dir',
  }),
  keyPattern: setting('attestation.keyPattern', FILE_PATTERN, {
    default: `${ID_IN_PATTERN}.key`,
    reason: NAMES_OF_ISSUE,
    help: 'name of each private key file in --cert-dir',
  }),
  issuerCertFile: setting('attestation.issuer.certificateFile', FILE, {
    reason: OWN_CERTIFICATES,
    help: 'PEM certificate of a CA that signs a new certificate for each device',
  }),
  issuerKeyFile: setting('attestation.issuer.keyFile', FILE, {
    reason: OWN_CERTIFICATES,
    help: 'PEM private key of that CA',
  }),
});
