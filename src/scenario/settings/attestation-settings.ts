import { ID_IN_PATTERN } from '../../fleet/certificate-files.ts';
import { FILE, FILE_PATTERN, FOLDER } from '../notation/notation.ts';
import { setting } from './setting.ts';

const NO_DEFAULT = { default: null, defaultText: 'none' } as const;

/** Where the devices' certificates come from, with X.509. */
export const CERTIFICATE_SETTINGS = {
  certDir: setting({
    key: 'attestation.folder',
    notation: FOLDER,
    default: null,
    defaultText: 'the columns cert_file and key_file',
    reason: 'each row names its own files',
    help: 'folder with the certificate (leaf, then intermediates) and the key of each device, PEM',
    group: 'Keys',
  }),
  certPattern: setting({
    key: 'attestation.certificatePattern',
    notation: FILE_PATTERN,
    default: `${ID_IN_PATTERN}.pem`,
    reason: 'as dpsload certs issue names them',
    help: 'name of each certificate in --cert-dir',
    group: 'Keys',
  }),
  keyPattern: setting({
    key: 'attestation.keyPattern',
    notation: FILE_PATTERN,
    default: `${ID_IN_PATTERN}.key`,
    reason: 'as dpsload certs issue names them',
    help: 'name of each private key in --cert-dir',
    group: 'Keys',
  }),
  issuerCertFile: setting({
    key: 'attestation.issuer.certificateFile',
    notation: FILE,
    ...NO_DEFAULT,
    reason: 'devices mostly have certificates of their own',
    help: 'PEM of a CA that signs a new certificate for each device',
    group: 'Keys',
  }),
  issuerKeyFile: setting({
    key: 'attestation.issuer.keyFile',
    notation: FILE,
    ...NO_DEFAULT,
    reason: 'devices mostly have certificates of their own',
    help: 'PEM of the private key of that CA',
    group: 'Keys',
  }),
} as const;
