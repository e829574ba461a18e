import { closeSync, openSync, writeSync } from 'node:fs';
import type { Emulator } from './emulator.ts';

/** Lines per write. */
const BATCH_LINES = 1_000;

/** Writes one line per registration record and injected fault, then one with the counters; `kind` distinguishes them. */
export function writeRecords(file: string, emulator: Emulator): void {
  const handle = openSync(file, 'w');
  try {
    let batch: string[] = [];
    for (const line of lines(emulator)) {
      if (batch.push(`${JSON.stringify(line)}\n`) < BATCH_LINES) continue;
      writeSync(handle, batch.join(''));
      batch = [];
    }
    writeSync(handle, batch.join(''));
  } finally {
    closeSync(handle);
  }
}

function* lines(emulator: Emulator): Iterable<object> {
  yield* emulator.records();
  yield* emulator.faultRecords;
  if (emulator.hubPort !== null) {
    yield* emulator.hubs.devices();
    yield* emulator.hubs.list();
  }
  yield { kind: 'counters', ...emulator.counters };
}
