import { appendFileSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { LineLog, recoverLines } from '../../src/files/line-log.ts';
import { operatorError } from '../support/fleet-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

async function linesOf(file: string): Promise<readonly string[]> {
  const lines: string[] = [];
  await recoverLines(file, (line) => lines.push(line));
  return lines;
}

it('holds each appended line once the append resolves, for its owner only', async () => {
  const file = join(folder, 'a.ndjson');
  expect(await linesOf(file)).toEqual([]);
  const log = await LineLog.open(file);
  await Promise.all([log.append(['one', 'zwei ü']), log.append([]), log.append(['three'])]);
  expect(readFileSync(file, 'utf8')).toBe('one\nzwei ü\nthree\n');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  await log.close();
});

it('loses only the line that a crash tore, and goes on after it', async () => {
  const file = join(folder, 'b.ndjson');
  const long = 'x'.repeat(200_000);
  appendFileSync(file, `one\n${long}\ntor`);
  expect(await linesOf(file)).toEqual(['one', long]);
  const log = await LineLog.open(file);
  await log.append(['two']);
  await log.close();
  expect(await linesOf(file)).toEqual(['one', long, 'two']);
});

it('never writes after a failure, and says what to do', async () => {
  const file = join(folder, 'c.ndjson');
  const log = await LineLog.open(file);
  await log.close();
  for (const line of ['lost', 'after it']) {
    const { kind, problems } = await operatorError(() => log.append([line]));
    expect([kind, problems[0]?.remedy]).toEqual(['local', 'Free disk space or repair the disk, then resume']);
  }
  expect((await operatorError(() => LineLog.open(join(folder, 'no', 'c')))).kind).toBe('local');
});
