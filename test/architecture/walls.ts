import { posix } from 'node:path';
import type { SourceFile } from '../support/source-file.ts';

/** A folder of `src/`, or a folder within one, and the rooms that its files may import from, types included. */
export type Room = { readonly name: string; readonly imports: readonly string[] };

/**
 * The house, from the top floor down: a room imports from rooms below it alone. The client and the emulator share facts, files and
 * certificates; only the shell knows both.
 */
export const ROOMS: readonly Room[] = [
  { name: 'cli', imports: ['cli/commands', 'cli/host', 'cli/view'] },
  {
    name: 'cli/commands',
    imports: [
      'agents',
      'agents/redis',
      'attestation',
      'audit',
      'certificates',
      'cleanup',
      'cli/host',
      'cli/view',
      'dps',
      'emulator',
      'emulator/config',
      'emulator/conversation',
      'emulator/service',
      'enroll',
      'enroll-folder',
      'files',
      'fleet',
      'hub-check',
      'journal',
      'load',
      'metrics/threshold',
      'mqtt',
      'preflight',
      'problem',
      'prometheus',
      'report',
      'results',
      'run',
      'run-folder',
      'scenario',
      'scenario/notation',
      'scenario/read',
      'scenario/settings',
      'selection',
      'service-api',
      'time',
      'worker',
    ],
  },
  {
    name: 'cli/view',
    imports: [
      'dps',
      'enroll',
      'enroll-folder',
      'files',
      'fleet',
      'journal',
      'load',
      'metrics',
      'preflight',
      'problem',
      'report',
      'run',
      'run-folder',
      'scenario',
      'scenario/notation',
      'scenario/read',
      'service-api',
      'time',
    ],
  },
  {
    name: 'cli/host',
    imports: [
      'allocation',
      'attestation',
      'certificates',
      'dps',
      'emulator/config',
      'enroll',
      'enroll-folder',
      'files',
      'fleet',
      'hub',
      'mqtt',
      'problem',
      'registration',
      'report',
      'results',
      'run',
      'scenario',
      'scenario/notation',
      'scenario/read',
      'scenario/settings',
      'service-api',
      'time',
    ],
  },
  {
    name: 'cleanup',
    imports: [
      'audit',
      'dps',
      'enroll',
      'enroll-folder',
      'registration',
      'results',
      'run-folder',
      'service-api',
      'time',
    ],
  },
  {
    name: 'audit',
    imports: ['dps', 'files', 'fleet', 'registration', 'report', 'results', 'run-folder', 'service-api', 'time'],
  },
  { name: 'prometheus', imports: ['journal', 'metrics', 'problem', 'registration', 'run'] },
  {
    name: 'hub-check',
    imports: [
      'attestation',
      'dps',
      'fleet',
      'hub',
      'journal',
      'load',
      'metrics',
      'mqtt',
      'report',
      'results',
      'run',
      'run-folder',
      'scenario',
      'scenario/read',
      'time',
    ],
  },
  {
    name: 'run',
    imports: [
      'attestation',
      'files',
      'fleet',
      'journal',
      'load',
      'metrics',
      'metrics/threshold',
      'mqtt',
      'preflight',
      'problem',
      'registration',
      'report',
      'results',
      'run-folder',
      'scenario',
      'scenario/read',
      'selection',
      'time',
      'worker',
    ],
  },
  {
    name: 'preflight',
    imports: [
      'allocation',
      'attestation',
      'certificates',
      'conversation',
      'dps',
      'fleet',
      'load',
      'metrics',
      'mqtt',
      'problem',
      'registration',
      'report',
      'scenario',
      'scenario/read',
      'selection',
      'time',
    ],
  },
  {
    name: 'results',
    imports: [
      'allocation',
      'files',
      'fleet',
      'journal',
      'metrics',
      'metrics/comparison',
      'problem',
      'registration',
      'report',
      'report/page',
      'run-folder',
    ],
  },
  { name: 'selection', imports: ['dps', 'fleet', 'journal', 'problem', 'report', 'run-folder', 'scenario'] },
  { name: 'enroll-folder', imports: ['enroll', 'files', 'fleet', 'problem', 'run-folder'] },
  { name: 'run-folder', imports: ['files', 'fleet', 'journal', 'problem', 'scenario'] },
  { name: 'agents/redis', imports: ['agents', 'dps', 'files', 'problem', 'scenario', 'time'] },
  {
    name: 'agents',
    imports: [
      'attestation',
      'certificates',
      'files',
      'fleet',
      'mqtt',
      'problem',
      'registration',
      'scenario',
      'time',
      'worker',
    ],
  },
  { name: 'worker', imports: ['attestation', 'conversation', 'files', 'load', 'mqtt', 'registration', 'time'] },
  {
    name: 'attestation',
    imports: ['certificates', 'conversation', 'dps', 'files', 'fleet', 'problem', 'registration', 'scenario', 'time'],
  },
  { name: 'enroll', imports: ['dps', 'fleet', 'problem', 'scenario/notation', 'service-api'] },
  {
    name: 'scenario/read',
    imports: [
      'allocation',
      'dps',
      'fleet',
      'hub',
      'load',
      'mqtt',
      'problem',
      'registration',
      'scenario',
      'scenario/settings',
    ],
  },
  {
    name: 'scenario/settings',
    imports: [
      'allocation',
      'dps',
      'files',
      'fleet',
      'hub',
      'load',
      'mqtt',
      'registration',
      'scenario/notation',
      'time',
    ],
  },
  {
    name: 'scenario/notation',
    imports: ['allocation', 'dps', 'fleet', 'hub', 'load', 'metrics/threshold', 'mqtt', 'problem', 'scenario', 'time'],
  },
  {
    name: 'scenario',
    imports: ['allocation', 'files', 'fleet', 'hub', 'load', 'metrics/threshold', 'mqtt', 'registration'],
  },
  { name: 'report/page', imports: ['allocation', 'metrics', 'registration', 'report'] },
  {
    name: 'report',
    imports: [
      'allocation',
      'conversation',
      'dps',
      'files',
      'hub',
      'journal',
      'metrics',
      'metrics/comparison',
      'metrics/threshold',
      'registration',
    ],
  },
  { name: 'metrics/comparison', imports: ['allocation', 'metrics', 'registration'] },
  { name: 'metrics/threshold', imports: ['allocation', 'metrics', 'problem', 'registration', 'time'] },
  { name: 'metrics', imports: ['allocation', 'hub', 'journal', 'registration'] },
  { name: 'journal', imports: ['allocation', 'files', 'hub', 'problem', 'registration'] },
  { name: 'mqtt', imports: ['certificates', 'conversation', 'dps', 'hub', 'time'] },
  { name: 'hub', imports: ['conversation', 'registration'] },
  { name: 'allocation', imports: ['registration'] },
  { name: 'registration', imports: ['conversation', 'dps', 'time'] },
  { name: 'service-api', imports: ['dps', 'problem', 'time'] },
  { name: 'conversation', imports: ['dps'] },
  {
    name: 'emulator',
    imports: [
      'certificates',
      'dps',
      'emulator/config',
      'emulator/conversation',
      'emulator/hub',
      'emulator/server',
      'emulator/service',
      'emulator/service/api',
      'emulator/state',
      'files',
      'problem',
      'time',
    ],
  },
  { name: 'emulator/state', imports: ['emulator/service', 'files', 'problem'] },
  {
    name: 'emulator/server',
    imports: [
      'certificates',
      'dps',
      'emulator/conversation',
      'emulator/hub',
      'emulator/service',
      'emulator/service/api',
      'problem',
      'time',
    ],
  },
  { name: 'emulator/conversation', imports: ['dps'] },
  { name: 'emulator/hub', imports: ['certificates', 'dps', 'emulator/service'] },
  { name: 'emulator/config', imports: ['dps', 'emulator/service', 'problem'] },
  { name: 'emulator/service/api', imports: ['dps', 'emulator/service'] },
  { name: 'emulator/service', imports: ['certificates', 'dps', 'time'] },
  { name: 'fleet', imports: ['dps', 'files', 'problem'] },
  { name: 'load', imports: ['dps', 'time'] },
  { name: 'certificates', imports: ['problem', 'time'] },
  { name: 'files', imports: ['problem'] },
  { name: 'problem', imports: [] },
  { name: 'dps', imports: [] },
  { name: 'time', imports: [] },
];

/** What only some places may do, as `SourceFile.uses` names it; `in` are beginnings of paths. */
export const RESERVED: readonly { readonly use: RegExp; readonly in: readonly string[]; readonly reason: string }[] = [
  {
    use: /^(Date|Date\.now|new Date\(\)|performance|performance\..*|process\.(hrtime|uptime))$/,
    in: ['time/'],
    reason: 'clocks are read through the Clock port',
  },
  { use: /^set(Timeout|Interval|Immediate)$/, in: ['time/'], reason: 'timers are set through the Clock port' },
  { use: /^(Math|Math\.random)$/, in: [], reason: 'jitter is a hash of the seed' },
  {
    use: /^(random(Bytes|UUID|Int|Fill|FillSync)|getRandomValues)$/,
    in: [
      'certificates/',
      'emulator/config/default-instance.ts',
      'emulator/open-service-api.ts',
      'emulator/assemble.ts',
      'emulator/start-emulator.ts',
      'cli/host/embedded-emulator.ts',
      'cli/host/local-agents.ts',
    ],
    reason: 'randomness is an argument; only keys, serial numbers and operation IDs are made',
  },
  { use: /^process\.(exit|reallyExit|abort)$/, in: ['cli/main.ts'], reason: 'one place ends the process' },
  { use: /^process\.env$/, in: ['cli/'], reason: 'the environment is input of the shell' },
  { use: /^console(\..*)?$/, in: [], reason: 'output goes to the streams that the shell hands out' },
  { use: /^(process|globalThis(\..*)?)$/, in: [], reason: 'globals are used by their names, which this test can see' },
];

/** Rooms without input, output, threads or sockets. */
export const PURE = [
  'dps/',
  'enroll/',
  'conversation/',
  'hub/',
  'registration/',
  'load/',
  'allocation/',
  'metrics/',
  'emulator/conversation/',
  'emulator/hub/',
  'emulator/service/',
];

export const IMPURE_MODULE =
  /^(node:(fs|fs\/promises|net|tls|dgram|dns|http|https|http2|child_process|cluster|worker_threads|os|timers|timers\/promises|process|console|perf_hooks)|mqtt|ws|piscina|bullmq|ioredis)$/;

export function roomOf(path: string): string {
  return posix.dirname(path);
}

/** An import from another room, with the rooms at both ends. */
type Arrow = { readonly from: string; readonly to: string; readonly importer: string; readonly imported: string };

export function arrows(files: readonly SourceFile[]): readonly Arrow[] {
  const paths = new Set(files.map(({ path }) => path));
  return files.flatMap(({ path, imports }) =>
    imports
      .filter(({ of, kind }) => paths.has(of) && kind !== 'entry' && roomOf(of) !== roomOf(path))
      .map(({ of }) => ({ from: roomOf(path), to: roomOf(of), importer: path, imported: of })),
  );
}

/** Arrows that the table does not permit, as sentences. */
export function forbiddenArrows(files: readonly SourceFile[], rooms: readonly Room[] = ROOMS): readonly string[] {
  const permitted = new Set(rooms.flatMap(({ name, imports }) => imports.map((to) => `${name} > ${to}`)));
  return arrows(files)
    .filter(({ from, to }) => !permitted.has(`${from} > ${to}`))
    .map(({ importer, imported }) => `${importer} imports ${imported}`);
}

/** Permissions of the table that no file uses. */
export function unusedPermissions(files: readonly SourceFile[], rooms: readonly Room[] = ROOMS): readonly string[] {
  const used = new Set(arrows(files).map(({ from, to }) => `${from} > ${to}`));
  return rooms
    .flatMap(({ name, imports }) => imports.map((to) => `${name} > ${to}`))
    .filter((permission) => !used.has(permission));
}

/** Permissions that point up, or to a room that is not there. */
export function upwardPermissions(rooms: readonly Room[] = ROOMS): readonly string[] {
  const floors = new Map(rooms.map(({ name }, floor) => [name, floor]));
  return rooms.flatMap(({ name, imports }, floor) =>
    imports.filter((to) => (floors.get(to) ?? -1) <= floor).map((to) => `${name} > ${to}`),
  );
}

/** Uses that are reserved for other places, as sentences. */
export function trespasses({ path, uses }: SourceFile): readonly string[] {
  return RESERVED.flatMap(({ use, in: places, reason }) =>
    places.some((place) => path.startsWith(place))
      ? []
      : uses.filter((name) => use.test(name)).map((name) => `${path}: ${name} (${reason})`),
  );
}

/** What `files` export though none of `users`, other than the file itself, imports it. */
export function idleExports(files: readonly SourceFile[], users: readonly SourceFile[]): readonly string[] {
  return files.flatMap(({ path, exports }) => {
    const importers = users.filter(({ imports }) => imports.some(({ of }) => of === path));
    return exports.filter((name) => !importers.some(({ names }) => names.has(name))).map((name) => `${path}: ${name}`);
  });
}

/**
 * The first circle of imports, types included, as a path that ends where it begins; `null` if there is none.
 *
 * @param placeOf maps a file to what the circle is made of: itself, its room, or its top folder
 */
export function findCircle(
  files: readonly SourceFile[],
  placeOf: (path: string) => string = (path) => path,
): readonly string[] | null {
  const importsOf = new Map<string, Set<string>>();
  for (const { path, imports } of files) {
    const from = placeOf(path);
    const targets = importsOf.get(from) ?? new Set();
    for (const { of, kind } of imports) if (kind !== 'entry' && placeOf(of) !== from) targets.add(placeOf(of));
    importsOf.set(from, targets);
  }
  const settled = new Set<string>();
  const visit = (place: string, trail: readonly string[]): readonly string[] | null => {
    if (trail.includes(place)) return [...trail.slice(trail.indexOf(place)), place];
    if (settled.has(place)) return null;
    for (const next of importsOf.get(place) ?? []) {
      const circle = visit(next, [...trail, place]);
      if (circle) return circle;
    }
    settled.add(place);
    return null;
  };
  for (const place of importsOf.keys()) {
    const circle = visit(place, []);
    if (circle) return circle;
  }
  return null;
}
