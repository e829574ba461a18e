import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bytesOfRun, diskFindings, spaceFinding } from '../../src/preflight/disk-findings.ts';
import { type Finding, type FindingLevel, refusalOf } from '../../src/preflight/finding.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

it.each([
  ['a folder that exists', folder],
  ['one that will be made', join(folder, 'x', 'y')],
])('%s can be written, and is left as it was', (_, out) => {
  const before = readdirSync(folder);
  expect(diskFindings(out, 1_000).map(({ subject, level }) => [subject, level])).toEqual([
    ['output folder', 'ok'],
    ['disk space', 'ok'],
  ]);
  expect(readdirSync(folder)).toEqual(before);
});

it.each([
  ['a file', join(folder, 'file')],
  ['below a file', join(folder, 'file', 'results')],
  ...(process.platform === 'linux' ? [['in /proc', '/proc/results']] : []),
])('an output folder that is %s is a problem', (_, out = '') => {
  writeFileSync(join(folder, 'file'), '');
  const [found, ...others] = diskFindings(out, 1_000);
  expect(found).toMatchObject({ level: 'problem', subject: 'output folder', remedy: expect.stringContaining('--out') });
  expect([found?.evidence, others]).toEqual([expect.stringContaining(`${out} cannot be written`), []]);
});

it.each([
  [100, 1_000_000, 'ok'],
  [900, 1_000, 'ok'],
  [901, 1_000, 'warning'],
  [1_000, 1_000, 'warning'],
  [1_001, 1_000, 'problem'],
])('%i bytes of %i: %s', (needed, free, level) => {
  expect(spaceFinding(needed, free).level).toBe(level);
});

it('says how much is missing', () => {
  expect(spaceFinding(830e6, 30e6)).toMatchObject({
    evidence: 'journal and results need about 830 MB, 30 MB free',
    remedy: 'Free 800 MB, or name a folder on another disk with --out DIR',
  });
});

it('a run of 3,000 devices, measured with 2,514,420 bytes, is estimated within 50%, and a million within 10%', () => {
  const idBytes = 12;
  expect(bytesOfRun(3_000, 3_000 * idBytes, 1) / 2_514_420).toBeLessThan(1.5);
  // 493 bytes of journal and 293 of registrations.csv for each device.
  expect(bytesOfRun(1e6, 1e6 * idBytes, 1) / (1e6 * (493 + 293))).toBeGreaterThan(1);
  expect(bytesOfRun(1e6, 1e6 * idBytes, 1) / (1e6 * (493 + 293))).toBeLessThan(1.1);
});

const finding = (level: FindingLevel, subject: string): Finding => ({ level, subject, evidence: '', remedy: null });

it.each<[subject: string, ofProblem: ReturnType<typeof refusalOf>]>([
  ['fleet', 'usage'],
  ['certificates', 'usage'],
  ['group keys', 'usage'],
  ['allocation', 'usage'],
  ['output folder', 'usage'],
  ['disk space', 'usage'],
  ['file descriptors', 'usage'],
  ['local ports', 'usage'],
  ['dns', 'unreachable'],
  ['tcp', 'unreachable'],
  ['tls', 'unreachable'],
  ['clock', 'unreachable'],
  ['mqtt', 'unreachable'],
  ['records', 'unreachable'],
  ['hub devices', 'unreachable'],
])('a problem with %s ends check as %s, and nothing else does', (subject, expected) => {
  expect(refusalOf([finding('problem', subject)])).toBe(expected);
  for (const level of ['ok', 'unknown', 'warning'] as const) expect(refusalOf([finding(level, subject)])).toBeNull();
  expect(refusalOf([finding('problem', subject), finding('problem', 'tls')])).toBe(expected);
  expect(refusalOf([finding('problem', 'tls'), finding('problem', subject)])).toBe(expected);
});
