import { steadyRatePerSecond } from '../../load/pace.ts';
import { type PublishedMetrics, publishMetrics } from '../../prometheus/publish-metrics.ts';
import { type RunEnd, registerFleet } from '../../run/register-fleet.ts';
import { runListeners } from '../../run/run-listener.ts';
import { type RunRequest, settledBefore } from '../../run/run-request.ts';
import { ensureOutFolder } from '../../run-folder/run-folder.ts';
import { threadPool } from '../../worker/thread-pool.ts';
import { dpsloadVersion } from '../host/dpsload-version.ts';
import { withThrowAwayKey } from '../host/embedded-emulator.ts';
import { exitCodeOfRun } from '../host/exit-code.ts';
import { listenForSignals } from '../host/stop-signals.ts';
import { type DisplayFlags, showProgress, showResults } from '../view/show-run.ts';
import { openEndpoint } from './open-endpoint.ts';

/** A run whose files have all been read and checked; nothing has been opened yet. */
export type PreparedRun = Pick<
  RunRequest,
  'scenario' | 'settings' | 'fleet' | 'selection' | 'resumed' | 'keys' | 'caPems' | 'again'
>;

/**
 * Executes a prepared run, shows its progress and prints its results.
 *
 * @param registrations to make in this session.
 * @returns the exit code of the process.
 */
export async function executeRun(prepared: PreparedRun, registrations: number, display: DisplayFlags): Promise<number> {
  const { scenario, resumed } = prepared;
  ensureOutFolder(scenario.out);
  const keys = withThrowAwayKey(scenario.target, prepared.keys);
  const { target, caPems, emulator } = await openEndpoint(scenario, keys, prepared.caPems);
  const version = dpsloadVersion();
  const signals = listenForSignals();
  const view = showProgress(scenario, { target, registrations, before: settledBefore(prepared) }, display);
  const ratePerSecond = steadyRatePerSecond(scenario.load.shape);
  let metrics: PublishedMetrics | null = null;
  let end: RunEnd | null = null;
  try {
    const plan = { target, version, total: registrations, ratePerSecond };
    metrics = await publishMetrics(scenario.metricsPort, plan, view.log);
    end = await registerFleet({
      ...prepared,
      target,
      caPems,
      keys,
      version,
      emulatorPid: emulator?.pid ?? null,
      startPool: threadPool(),
      stopRequests: signals,
      listener: metrics === null ? view.listener : runListeners(view.listener, metrics.listener),
    });
  } finally {
    view.finish(end);
    signals.dispose();
    await metrics?.close();
    await emulator?.stop();
  }
  showResults(end, display, resumed?.switches ?? []);
  return exitCodeOfRun(end);
}
