import type { Import, SourceFile } from '../support/source-file.ts';

/** Which folders of `src/` a folder may import from. */
export type FolderRule = {
  readonly imports: readonly string[];
  /** Further ones, for types alone: they are erased, so that no code is tied to them. */
  readonly types?: readonly string[];
};

const FACTS = ['dps', 'time', 'problem'];

/**
 * From the top down: shell → assembly → adapters → drivers and pure core → ports → facts. The client and the emulator
 * share facts and `certificates` alone; only the shell knows both.
 */
export const FOLDERS: Readonly<Record<string, FolderRule>> = {
  cli: {
    imports: [
      'coordinator',
      'worker',
      'mqtt',
      'journal',
      'emulator',
      'registration',
      'attestation',
      'load',
      'metrics',
      'report',
      'scenario',
      'fleet',
      'certificates',
      ...FACTS,
    ],
  },

  coordinator: {
    imports: [
      'worker',
      'mqtt',
      'journal',
      'registration',
      'attestation',
      'load',
      'metrics',
      'report',
      'scenario',
      'fleet',
      'certificates',
      ...FACTS,
    ],
  },

  worker: {
    imports: ['mqtt', 'registration', 'attestation', 'load', ...FACTS],
    types: ['scenario', 'journal'],
  },
  mqtt: { imports: ['certificates', 'dps', 'problem'], types: ['time'] },
  journal: { imports: ['registration', 'dps', 'problem'], types: ['time', 'scenario'] },
  emulator: { imports: ['certificates', ...FACTS] },

  registration: { imports: ['dps', 'problem'], types: ['time', 'mqtt', 'attestation'] },
  attestation: {
    imports: ['certificates', 'fleet', 'dps', 'problem'],
    types: ['time', 'mqtt', 'registration', 'scenario'],
  },
  load: { imports: ['dps', 'problem'], types: ['time'] },
  metrics: { imports: ['registration', 'problem'], types: ['dps', 'journal', 'scenario'] },
  report: { imports: ['metrics', 'journal', 'registration', 'dps', 'problem'], types: ['mqtt', 'scenario'] },
  scenario: { imports: ['fleet', 'load', 'metrics', 'registration', ...FACTS], types: ['mqtt'] },
  fleet: { imports: ['dps', 'problem'], types: ['scenario'] },
  certificates: { imports: ['dps', 'problem'], types: ['time'] },

  dps: { imports: [] },
  time: { imports: [] },
  problem: { imports: [] },
};

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
    in: ['certificates/', 'emulator/group-key.ts', 'emulator/start-emulator.ts', 'cli/embedded-emulator.ts'],
    reason: 'randomness is an argument; only keys, serial numbers and operation IDs are made',
  },
  { use: /^process\.(exit|reallyExit|abort)$/, in: ['cli/main.ts'], reason: 'one place ends the process' },
  { use: /^process\.env$/, in: ['cli/'], reason: 'the environment is input of the shell' },
  { use: /^console(\..*)?$/, in: [], reason: 'output goes to the streams that the shell hands out' },
  { use: /^(process|globalThis(\..*)?)$/, in: [], reason: 'globals are used by their names, which this test can see' },
];

/** Folders without input, output, threads or sockets. */
export const PURE = ['dps/', 'registration/', 'load/', 'metrics/', 'emulator/service/'];

export const IMPURE_MODULE =
  /^(node:(fs|fs\/promises|net|tls|dgram|dns|http|https|http2|child_process|cluster|worker_threads|os|timers|timers\/promises|process|console|perf_hooks)|mqtt|ws|piscina)$/;

export function folderOf(path: string): string {
  return path.split('/')[0] ?? '';
}

export function mayImport(importer: string, { of, kind }: Import): boolean {
  const [from, to] = [folderOf(importer), folderOf(of)];
  const rule = FOLDERS[from];
  if (from === to || rule === undefined) return from === to;
  return rule.imports.includes(to) || (kind === 'types' && (rule.types ?? []).includes(to));
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

/** The first cycle of imports that is found (those of types alone tie no code together), as a path that ends where it begins; `null` = there is none. */
export function findCycle(files: readonly SourceFile[]): readonly string[] | null {
  const importsOf = new Map(
    files.map(({ path, imports }) => [path, imports.filter(({ kind }) => kind === 'code').map(({ of }) => of)]),
  );
  const settled = new Set<string>();
  const visit = (path: string, trail: readonly string[]): readonly string[] | null => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (settled.has(path)) return null;
    for (const next of importsOf.get(path) ?? []) {
      const cycle = visit(next, [...trail, path]);
      if (cycle) return cycle;
    }
    settled.add(path);
    return null;
  };
  for (const { path } of files) {
    const cycle = visit(path, []);
    if (cycle) return cycle;
  }
  return null;
}
