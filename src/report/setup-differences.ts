import { describeAgents } from './agents-text.ts';
import { formatUntrusted } from './format.ts';
import { setupRows } from './setup-text.ts';
import type { SessionSummary, Summary } from './summary.ts';

type Setups = Pick<Summary, 'dpsloadVersion' | 'sessions'>;

/** How another run was run differently, such as `load 25/s instead of 50/s`. What either has not recorded is no difference. */
export function setupDifferences(first: Setups, other: Setups): readonly string[] {
  const isRecorded = recordsSetup(first) && recordsSetup(other);
  const before = conditionsOf(first, isRecorded);
  return [...conditionsOf(other, isRecorded)].flatMap(([name, text]) => {
    const was = before.get(name);
    return was === undefined || was === text
      ? []
      : [`${text.startsWith(name) ? '' : `${name} `}${text} instead of ${was}`];
  });
}

/** Returns whether a run tells what it ran on, and not only its load. */
export function recordsSetup({ sessions }: Pick<Setups, 'sessions'>): boolean {
  return sessions.every(({ setup }) => setup !== null);
}

/** @param isRecorded otherwise, what only some versions of dpsload record is left out */
function conditionsOf({ dpsloadVersion, sessions }: Setups, isRecorded: boolean): ReadonlyMap<string, string> {
  const texts = new Map([['dpsload', new Set([formatUntrusted(dpsloadVersion)])]]);
  for (const session of sessions) {
    const rows = recordedRows(isRecorded ? session : { ...session, setup: null });
    for (const [name, text] of [...rows, ['agents', describeAgents(session.agents)] as const]) {
      texts.set(name, (texts.get(name) ?? new Set()).add(text));
    }
  }
  return new Map([...texts].map(([name, distinct]) => [name, [...distinct].join(' and ')]));
}

function recordedRows(session: SessionSummary): ReturnType<typeof setupRows> {
  const { loadShape, ratePerSecond, setup } = session;
  return setupRows(session).filter(([name]) => {
    if (name === 'load') return loadShape !== null || ratePerSecond !== null;
    // A session that never connected has agreed on no version.
    return name !== 'TLS' || setup === null || setup.tlsVersion !== null;
  });
}
