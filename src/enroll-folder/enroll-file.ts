import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeAtomically } from '../files/atomic-file.ts';
import { OperatorError, problemIn, unreadableReason } from '../problem/operator-error.ts';

export const ENROLL_FILE = 'enroll.json';

/** What a command does with enrollments. */
const ACTIONS = ['create', 'disable', 'delete'] as const;

const SCHEMA = z.object({
  version: z.literal(1),
  dpsloadVersion: z.string(),
  /** ISO 8601. */
  startedAt: z.string(),
  /** By the clock of the service. */
  serviceStartedAtEpochMs: z.number(),
  /** Of the instance: a resumed command must not go to another one. */
  hostName: z.string(),
  action: z.enum(ACTIONS),
  /** Whether to overwrite what differs. */
  updates: z.boolean(),
  /** `null` = the list of rows is a file. */
  groupId: z.string().nullable(),
  /** The fleet or the list of IDs; `null` for a group. */
  list: z.object({ file: z.string(), sha256: z.string() }).nullable(),
  rows: z.number(),
  /** As given on the command line, by the names of the settings; paths are absolute. */
  flags: z.record(z.string(), z.string()),
  /** `null` = none. */
  scenarioFile: z.string().nullable(),
  /** `null` = none. */
  groupCaFile: z.string().nullable(),
  /** SHA-256 of all settings that decide what enrollments are like. */
  settingsSha256: z.string(),
});

/** enroll.json: what a command began with, and what it continues with when it is resumed. It names secrets and holds none. */
export type EnrollFile = z.output<typeof SCHEMA>;

/** It is on disk when this resolves, before anything is written to the service. */
export async function writeEnrollFile(folder: string, facts: EnrollFile): Promise<void> {
  await writeAtomically(join(folder, ENROLL_FILE), (file) => file.write(`${JSON.stringify(facts, null, 2)}\n`));
}

/** @throws OperatorError `usage` when the folder is not one of dpsload enroll */
export function readEnrollFile(folder: string): EnrollFile {
  const file = join(folder, ENROLL_FILE);
  const fail = (message: string, remedy: string): OperatorError =>
    new OperatorError('usage', [problemIn(file, message, remedy)]);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw fail(unreadableReason(error).message, 'Name the folder that dpsload enroll printed when it began');
  }
  try {
    return SCHEMA.parse(JSON.parse(text));
  } catch {
    throw fail(
      'is damaged, or was written by another version of dpsload',
      'Restore it from a copy, or start anew: rows that exist are left as they are',
    );
  }
}
