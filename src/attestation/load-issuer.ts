import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type KeyedCertificate, openIssuer } from '../certificates/certificate.ts';
import { OperatorError, type Problem, problemIn, unreadableReason } from '../problem/operator-error.ts';

/**
 * Reads a CA from its files: certificate (with the chain above it, if any) and private key, PEM.
 *
 * @throws OperatorError `usage` when a file cannot be read, or the two are no CA that can sign.
 */
export async function loadIssuer(certificateFile: string, keyFile: string): Promise<KeyedCertificate> {
  const problems: Problem[] = [];
  const read = async (file: string): Promise<string> => {
    try {
      return await readFile(file, 'utf8');
    } catch (error) {
      problems.push({ file, line: null, column: null, ...unreadableReason(error) });
      return '';
    }
  };
  const issuer = { certificatePem: await read(certificateFile), privateKeyPem: await read(keyFile) };
  if (problems.length === 0) problems.push(...(await issuerProblems(issuer, certificateFile, keyFile)));
  if (problems.length > 0) throw new OperatorError('usage', problems);
  return issuer;
}

async function issuerProblems(
  issuer: KeyedCertificate,
  certificateFile: string,
  keyFile: string,
): Promise<readonly Problem[]> {
  const certificate = parsed(issuer.certificatePem);
  if (certificate === null)
    return [problemIn(certificateFile, 'holds no certificate in PEM', 'Name the certificate of the CA')];
  if (!certificate.ca) {
    return [
      problemIn(certificateFile, 'is no CA: it may not sign', 'Name a CA, for example one of dpsload certs create'),
    ];
  }
  try {
    await openIssuer(issuer);
  } catch {
    const remedy = 'Name a private key in PEM, P-256, P-384 or RSA, not encrypted';
    return [problemIn(keyFile, 'is no private key that can sign', remedy)];
  }
  if (certificate.checkPrivateKey(createPrivateKey(issuer.privateKeyPem))) return [];
  return [problemIn(keyFile, `is not the key of ${certificateFile}`, 'Name the key that belongs to the certificate')];
}

function parsed(certificatePem: string): X509Certificate | null {
  try {
    return new X509Certificate(certificatePem);
  } catch {
    return null;
  }
}
