import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { FileDigest } from './atomic-file.ts';

/** coreutils' format: a name with a backslash or a line end is escaped, and a backslash begins its line. */
const LINE = /^(\\?)([0-9a-f]{64}) [ *](.+)$/;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r' };

/** SHA-256 of a file or, where `bytes` is given, of its beginning; hexadecimal. */
export async function fileSha256(file: string, bytes: number | null = null): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, bytes === null ? {} : { end: bytes - 1 }), hash);
  return hash.digest('hex');
}

/** The text of a list of checksums, sorted by name. */
export function checksumsText(digests: readonly FileDigest[]): string {
  return [...digests]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, sha256 }) => {
      const escaped = name.replace(/[\\\n\r]/g, (character) => ESCAPES[character] ?? character);
      return `${escaped === name ? '' : '\\'}${sha256}  ${escaped}\n`;
    })
    .join('');
}

/** The files listed in `text`. `null` when a line has another format. */
export function readChecksums(text: string): readonly FileDigest[] | null {
  const lines = text.split('\n').slice(0, -1);
  const digests = lines.flatMap((line) => {
    const [, isEscaped = '', sha256, name = ''] = LINE.exec(line) ?? [];
    if (sha256 === undefined) return [];
    const plain = name.replace(/\\([\\nr])/g, (_, letter) => (letter === 'n' ? '\n' : letter === 'r' ? '\r' : '\\'));
    return [{ name: isEscaped === '' ? name : plain, sha256 }];
  });
  return digests.length === lines.length && lines.length > 0 && text.endsWith('\n') ? digests : null;
}
