import { readFile } from 'node:fs/promises';
import { unreadableFile } from '../problem/operator-error.ts';

/** Reads a UTF-8 file that the operator named. @throws OperatorError `usage` when it cannot be read */
export async function readTextFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw unreadableFile(file, error);
  }
}
