import type { RedisTarget } from '../../agents/redis/redis-connection.ts';
import { dpsloadVersion } from '../../files/dpsload-version.ts';
import { steadyRatePerSecond } from '../../load/pace.ts';
import type { PublishedMetrics } from '../../prometheus/publish-metrics.ts';
import type { RunEnd } from '../../run/register-fleet.ts';
import { runListeners } from '../../run/run-listener.ts';
import { type RunRequest, settledBefore } from '../../run/run-request.ts';
import { ensureOutFolder } from '../../run-folder/run-folder.ts';
import { type EmbeddedEmulator, withThrowAwayKey } from '../host/embedded-emulator.ts';
import { listenForSignals } from '../host/stop-signals.ts';
import type { DisplayFlags } from '../view/display-flags.ts';
import type { ShownProgress } from '../view/show-progress.ts';
import { hubChecksOfRun } from './check-hubs-of-run.ts';
import { type Endpoint, openEndpoint } from './open-endpoint.ts';
import { agentWorkers, localAgentWorkers, type RunWorkers, threadWorkers } from './run-workers.ts';

/** A run whose files have all been read and checked; nothing has been opened yet. */
export type PreparedRun = Pick<
  RunRequest,
  'scenario' | 'settings' | 'fleet' | 'selection' | 'resumed' | 'keys' | 'caPems' | 'again' | 'folder'
> & {
  /** What to say before it starts. */
  readonly notices: readonly string[];
  /** Where the agents are; `null` where the workers are threads, or agents that the run starts. */
  readonly redis: RedisTarget | null;
  /** One that is there already, and that the run does not stop; `null` = the run starts its own, if it needs one. */
  readonly emulator: EmbeddedEmulator | null;
};

/** Where a run goes when it is a part of something larger. */
export type RunPlace = Pick<PreparedRun, 'emulator' | 'folder'>;

/** A run that stands for itself. */
export const OWN_PLACE: RunPlace = { emulator: null, folder: null };

/** A run that ended, with the exit code that it deserves. */
export type EndedRun = RunEnd & {
  readonly exitCode: number;
  /** Of this session: the next one needs them again, since they are no settings of the run. */
  readonly switches: readonly string[];
};

/**
 * Executes a prepared run, and shows its progress.
 *
 * @param registrations to make in this session.
 */
export async function executeRun(prepared: PreparedRun, registrations: number, flags: DisplayFlags): Promise<EndedRun> {
  const { scenario } = prepared;
  ensureOutFolder(scenario.out);
  let workers: RunWorkers | null = scenario.agents === null ? threadWorkers(scenario) : null;
  const [keys, version] = [withThrowAwayKey(scenario.target, prepared.keys), dpsloadVersion()];
  // Until everything below is closed, a signal must not simply end the process: the emulator and the run's keys would be left behind.
  const signals = listenForSignals();
  let endpoint: Endpoint | null = null;
  let view: ShownProgress | null = null;
  let metrics: PublishedMetrics | null = null;
  let end: RunEnd | null = null;
  try {
    // What only a run needs loads while the threads load their part.
    const [{ showProgress }, { publishMetrics }, { registerFleet }] = await Promise.all([
      import('../view/show-progress.ts'),
      import('../../prometheus/publish-metrics.ts'),
      import('../../run/register-fleet.ts'),
    ]);
    endpoint = await openEndpoint(scenario, keys, prepared.caPems, prepared.emulator);
    const { target, caPems, emulator } = endpoint;
    const coordinator = { target, version, stopRequests: signals };
    const local = scenario.agents?.local ?? null;
    workers ??= await (local === null
      ? agentWorkers(prepared, coordinator)
      : localAgentWorkers(prepared, local, keys, coordinator));
    view = await showProgress(workers.scenario, { target, registrations, before: settledBefore(prepared) }, flags);
    for (const text of prepared.notices) view.log(text);
    const plan = { target, version, total: registrations, ratePerSecond: steadyRatePerSecond(scenario.load.shape) };
    metrics = await publishMetrics(scenario.metricsPort, plan, view.log);
    end = await registerFleet({
      ...prepared,
      ...workers,
      ...coordinator,
      caPems,
      keys,
      emulatorPid: emulator?.pid ?? null,
      checkHubs: hubChecksOfRun({ ...coordinator, scenario, fleet: prepared.fleet, keys, endpoint, notice: view.log }),
      listener: runListeners(view.listener, metrics?.listener ?? {}),
    });
    for (const text of workers.notices()) view.log(text);
  } finally {
    view?.finish(end);
    await metrics?.close();
    await endpoint?.emulator?.stop();
    await workers?.end();
    signals.dispose();
  }
  return await judged(end, prepared);
}

async function judged(end: RunEnd, { resumed }: PreparedRun): Promise<EndedRun> {
  const { exitCodeOfRun } = await import('../host/run-exit-code.ts');
  return { ...end, exitCode: exitCodeOfRun(end), switches: resumed?.switches ?? [] };
}

/** Prints the results. @returns the exit code of the process */
export async function showEndedRun(ended: EndedRun, display: DisplayFlags): Promise<number> {
  const { showResults } = await import('../view/show-results.ts');
  showResults(ended, display, ended.switches);
  return ended.exitCode;
}
