import { X509Certificate } from 'node:crypto';
import { type Issuer, issueCertificate, type KeyedCertificate, openIssuer } from './certificate.ts';
import { commonName, intermediatesIn, parseCertificate } from './certificate-chain.ts';
import { isKeyOf, obstacle, type PairFiles, pairFiles, readPair, writePair } from './certificate-pair.ts';
import { type KeyAlgorithm, keyKind } from './key-algorithm.ts';
import { hasValidity, type ValidityKind, validityOf } from './validity.ts';

/** Properties that all certificates of a batch share. */
export type DeviceBatchSettings = {
  /** Contains `{registration ID}.pem` and `{registration ID}.key`. */
  readonly folder: string;
  readonly keyAlgorithm: KeyAlgorithm;
  readonly validity: ValidityKind;
  /** Validity in days. */
  readonly days: number;
};

/**
 * `kept`: the files existed, and match what a new pair would be, apart from the time of creation. `replaced`: a complete pair
 * existed that did not match.
 */
export type IssueResult = 'issued' | 'kept' | 'replaced';

/** Device certificates of one CA, in a folder. */
export class DeviceBatch {
  readonly #settings: DeviceBatchSettings;
  readonly #issuer: Issuer;
  readonly #issuerCertificate: X509Certificate;
  readonly #intermediatesPem: string;

  static async open(settings: DeviceBatchSettings, issuer: KeyedCertificate): Promise<DeviceBatch> {
    return new DeviceBatch(settings, issuer, await openIssuer(issuer));
  }

  private constructor(settings: DeviceBatchSettings, { certificatePem }: KeyedCertificate, issuer: Issuer) {
    this.#settings = settings;
    this.#issuer = issuer;
    this.#issuerCertificate = new X509Certificate(certificatePem);
    this.#intermediatesPem = intermediatesIn(certificatePem);
  }

  filesOf(registrationId: string): PairFiles {
    return pairFiles(this.#settings.folder, registrationId);
  }

  /**
   * Creates a device's certificate, followed by the intermediates, and its key, unless they exist already.
   *
   * @throws OperatorError when a file of that name does not belong to this device.
   */
  async issue(registrationId: string, nowMs: number): Promise<IssueResult> {
    const files = this.filesOf(registrationId);
    const { certificatePem, privateKeyPem } = readPair(files);
    const certificate = certificatePem === null ? null : parseCertificate(certificatePem);
    const isOther = certificate !== null && commonName(certificate) !== registrationId;
    const foreign = `already exists, and does not belong to device ${JSON.stringify(registrationId)}`;
    if (isOther || isNotPem(certificatePem)) throw obstacle(files.certificateFile, foreign);
    if (isNotPem(privateKeyPem)) throw obstacle(files.keyFile, foreign);
    const isPair = certificate !== null && privateKeyPem !== null && isKeyOf(certificate, privateKeyPem);
    if (isPair && this.#isAsNew(certificate, certificatePem ?? '', nowMs)) return 'kept';
    writePair(files, await this.#create(registrationId, nowMs));
    return isPair ? 'replaced' : 'issued';
  }

  async #create(commonName: string, nowMs: number): Promise<KeyedCertificate> {
    const { validity, days, keyAlgorithm } = this.#settings;
    const request = { kind: 'device', commonName, keyAlgorithm, ...validityOf(validity, days, nowMs) } as const;
    const { certificatePem, privateKeyPem } = await issueCertificate(request, this.#issuer);
    return { certificatePem: certificatePem + this.#intermediatesPem, privateKeyPem };
  }

  #isAsNew(certificate: X509Certificate, pem: string, nowMs: number): boolean {
    const { validity, days, keyAlgorithm } = this.#settings;
    return (
      hasValidity(certificate, validity, days, nowMs) &&
      keyKind(certificate.publicKey) === keyAlgorithm &&
      pem.endsWith(this.#intermediatesPem) &&
      certificate.verify(this.#issuerCertificate.publicKey)
    );
  }
}

function isNotPem(text: string | null): boolean {
  return text !== null && text !== '' && !text.startsWith('-----BEGIN ');
}
