import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Summary } from '../../src/report/summary.ts';

/** The name service needs a network and an /etc/resolv.conf of its own. Without the right to make them, tests that need them are skipped. */
export const HAS_NAMESPACES =
  spawnSync('unshare', ['--net', '--mount', 'sh', '-c', 'ip link set lo up && mount --bind /etc/hosts /etc/hosts'])
    .status === 0;

const HOST = 'dps.test';
const SCRIPT = `
trap 'kill %1 %2; wait' EXIT
ip link set lo up
mount --bind "$FOLDER/resolv.conf" /etc/resolv.conf
node "$NAME_SERVICE" "$RESOLVER_DELAY_MS" > "$FOLDER/questions" &
node "$MAIN" emulator --port 8883 --server-name ${HOST} --ca-dir "$FOLDER/ca" --retry-after 1 > "$FOLDER/ready" 2> "$FOLDER/emulator-log" &
until [ -s "$FOLDER/ready" ]; do sleep 0.05; done
node "$MAIN" run "$FOLDER/fleet.csv" --host ${HOST} --id-scope 0ne0000E000 --group-key-file "$FOLDER/ca/group.key" \
  --ca "$FOLDER/ca/ca.pem" --out "$FOLDER/out" -w 1 --canary 0 --quota off --json --yes "$@"
`;

export type SlowResolverRun = {
  readonly summary: Summary;
  /** Questions that the name service was asked, each an address family of a host. */
  readonly questions: number;
};

/** A run of the built program against an emulator whose name it must look up, in `folder`. */
export function runBehindResolver(
  folder: string,
  { devices, delayMs, args }: { readonly devices: number; readonly delayMs: number; readonly args: readonly string[] },
): SlowResolverRun {
  const place = mkdtempSync(join(folder, 'resolver-'));
  const ids = Array.from({ length: devices }, (_, row) => `dev-${row}`);
  writeFileSync(join(place, 'fleet.csv'), `registration_id\n${ids.join('\n')}\n`);
  writeFileSync(join(place, 'resolv.conf'), 'nameserver 127.0.0.1\noptions timeout:5\n');
  const { stdout, stderr } = spawnSync('unshare', ['--net', '--mount', 'bash', '-ec', SCRIPT, 'run', ...args], {
    env: {
      PATH: process.env['PATH'],
      NO_COLOR: '1',
      FOLDER: place,
      MAIN: fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url)),
      NAME_SERVICE: fileURLToPath(new URL('name-service.mjs', import.meta.url)),
      RESOLVER_DELAY_MS: String(delayMs),
    },
    encoding: 'utf8',
  });
  if (!stdout.startsWith('{')) throw new Error(`the run printed no summary:\n${stdout}\n${stderr}`);
  const questions = readFileSync(join(place, 'questions'), 'utf8').split('\n').length - 1;
  return { summary: JSON.parse(stdout) as Summary, questions };
}
