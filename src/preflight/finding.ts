/** `problem`: the run cannot succeed. `warning`: it may not do what is wanted. `unknown`: it could not be checked. */
export type FindingLevel = 'ok' | 'unknown' | 'warning' | 'problem';

/** The result of one check. */
export type Finding = {
  readonly level: FindingLevel;
  /** What was checked, such as `dns` or `file descriptors`. */
  readonly subject: string;
  /** What was found, with numbers. */
  readonly evidence: string;
  /** What to do, an imperative sentence without a full stop; `null` when nothing needs to be done. */
  readonly remedy: string | null;
};

export function ok(subject: string, evidence: string): Finding {
  return { level: 'ok', subject, evidence, remedy: null };
}

export function unknown(subject: string, evidence: string): Finding {
  return { level: 'unknown', subject, evidence, remedy: null };
}

export function warning(subject: string, evidence: string, remedy: string): Finding {
  return { level: 'warning', subject, evidence, remedy };
}

export function finding(level: FindingLevel, subject: string, evidence: string, remedy: string): Finding {
  return { level, subject, evidence, remedy };
}

/** Share of an amount above which little room is left for anything else. */
const TIGHT_SHARE = 0.9;

/** Judges a need by what is available: more is a problem, nearly as much a warning. */
export function graded(
  subject: string,
  { needed, available }: { readonly needed: number; readonly available: number },
  evidence: string,
  remedy: string,
): Finding {
  if (needed > available) return finding('problem', subject, evidence, remedy);
  return needed > available * TIGHT_SHARE ? warning(subject, evidence, remedy) : ok(subject, evidence);
}

/** What the operator must correct on this side; every other subject is the target's. */
const LOCAL_SUBJECTS: ReadonlySet<string> = new Set([
  'fleet',
  'certificates',
  'group keys',
  'device keys',
  'allocation',
  'output folder',
  'disk space',
  'file descriptors',
  'local ports',
]);

/** As a run would end for these findings: `usage` for problems of local inputs, else `unreachable` for the target's; `null` = neither. */
export function refusalOf(findings: readonly Finding[]): 'usage' | 'unreachable' | null {
  const problems = findings.filter(({ level }) => level === 'problem');
  if (problems.some(({ subject }) => LOCAL_SUBJECTS.has(subject))) return 'usage';
  return problems.length > 0 ? 'unreachable' : null;
}
