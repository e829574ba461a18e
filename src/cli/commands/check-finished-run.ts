import type { AttestationKeys } from '../../attestation/attestation-keys.ts';
import { dpsloadVersion } from '../../files/dpsload-version.ts';
import type { EndRecord } from '../../journal/journal-record.ts';
import { withdrawRebuilt } from '../../results/result-files.ts';
import { writeResults } from '../../results/write-results.ts';
import type { UsableFleet } from '../../run-folder/rejected-rows.ts';
import type { Scenario } from '../../scenario/scenario.ts';
import { exitCodeOfRun } from '../host/run-exit-code.ts';
import { listenForSignals } from '../host/stop-signals.ts';
import type { DisplayFlags } from '../view/display-flags.ts';
import { fitted } from '../view/terminal-line.ts';
import type { EndedRun } from './execute-run.ts';

/** A run that registers nothing any more. */
export type FinishedRun = {
  /** Locked. */
  readonly folder: string;
  readonly end: Pick<EndRecord, 'reason' | 'message'>;
  readonly scenario: Scenario;
  readonly fleet: UsableFleet;
  readonly keys: AttestationKeys;
  readonly caPems: readonly string[];
};

/** Checks the hubs of a finished run, if its scenario asks for that, then makes its results. */
export async function concludeFinishedRun(run: FinishedRun, display: DisplayFlags): Promise<EndedRun> {
  const { folder, scenario } = run;
  const reason = await reasonAfterHubCheck(run, display);
  // The run may have been killed while it wrote its results.
  const summary = await writeResults(folder, {
    fleet: scenario.fleet,
    by: scenario.breakdowns,
    csvFor: scenario.csvFor,
  });
  const end = { reason, message: run.end.message, folder, summary };
  return { ...end, exitCode: exitCodeOfRun(end), switches: [] };
}

async function reasonAfterHubCheck(
  { end, scenario, ...run }: FinishedRun,
  { quiet = false }: DisplayFlags,
): Promise<EndRecord['reason']> {
  const { hubCheck: policy } = scenario;
  const notice = (message: string): void => {
    if (!quiet) process.stderr.write(fitted(`${message}\n`, process.stderr));
  };
  if (policy === null) return end.reason;
  if (scenario.target.kind === 'emulator') {
    notice('No hub is checked: the embedded emulator has ended, and its hubs with it.');
    return end.reason;
  }
  const { checkHubs } = await import('../../hub-check/check-hubs.ts');
  const stopRequests = listenForSignals();
  try {
    // They do not include what is about to be checked.
    await withdrawRebuilt(run.folder);
    const version = dpsloadVersion();
    const reason = await checkHubs({ ...run, scenario, policy, version, hubsSinceEpochMs: null, stopRequests, notice });
    return reason === 'interrupted' || reason === 'terminated' ? reason : end.reason;
  } finally {
    stopRequests.dispose();
  }
}
