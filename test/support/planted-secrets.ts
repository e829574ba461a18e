import { createHmac } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** The key that the service derives for a device of an enrollment group, by the formula alone. */
export function derivedKey(groupKey: string, registrationId: string): string {
  return createHmac('sha256', Buffer.from(groupKey, 'base64')).update(registrationId).digest('base64');
}

/** A secret in every form in which it could slip through. */
function formsOf(secret: string): readonly Buffer[] {
  const bytes = Buffer.from(secret, 'base64');
  const texts = [secret, encodeURIComponent(secret), bytes.toString('base64url'), bytes.toString('hex')];
  return [...texts.map((text) => Buffer.from(text)), bytes];
}

/** The lines of a private key that are its own: the first says of which kind it is, as that of every other does. */
function pemForms(privateKeyPem: string): readonly Buffer[] {
  const lines = privateKeyPem.trim().split('\n').slice(2, -1);
  return [...lines.map((line) => Buffer.from(line)), Buffer.from(lines.join('')), Buffer.from('PRIVATE KEY')];
}

export type PlantedSecret = { readonly name: string; readonly forms: readonly Buffer[] };

export const keySecret = (name: string, secret: string): PlantedSecret => ({ name, forms: formsOf(secret) });
export const pemSecret = (name: string, pem: string): PlantedSecret => ({ name, forms: pemForms(pem) });
export const textSecret = (name: string, text: string): PlantedSecret => ({ name, forms: [Buffer.from(text)] });

/** Where any of the secrets stands, as sentences. */
export function leaks(secrets: readonly PlantedSecret[], where: string, content: Buffer): readonly string[] {
  const found = secrets.filter(({ forms }) => forms.some((form) => content.includes(form)));
  const signature = /sig=[A-Za-z0-9%]{8}/.test(content.toString('latin1')) ? [`a SAS signature in ${where}`] : [];
  return [...found.map(({ name }) => `${name} in ${where}`), ...signature];
}

/** Of every file below `folder`. */
export function leaksInFolder(secrets: readonly PlantedSecret[], folder: string): readonly string[] {
  return filesBelow(folder).flatMap((file) => leaks(secrets, relative(folder, file), readFileSync(file)));
}

export function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
