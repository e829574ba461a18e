import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Makes a run at an embedded emulator one at a service: an emulator is new in every run, so only that one could be repeated by mistake.
 * Returns the options of a run at the same service.
 */
export function aimAtService(runFolder: string): readonly string[] {
  const file = join(runFolder, 'run.json');
  const target = { kind: 'service', host: 'dps.example.net', port: 8883, idScope: '0ne00000001' };
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), target }));
  return ['--host', target.host, '--id-scope', target.idScope];
}
