import type { AttestationKeys } from '../../attestation/attestation-keys.ts';
import type { TargetName } from '../../journal/target-name.ts';
import { steadyRatePerSecond } from '../../load/pace.ts';
import { type PublishedMetrics, publishMetrics } from '../../prometheus/publish-metrics.ts';
import type { RunMetricsPlan } from '../../prometheus/run-metrics.ts';
import { type RunEnd, registerFleet } from '../../run/register-fleet.ts';
import { runListeners } from '../../run/run-listener.ts';
import { ensureOutFolder } from '../../run-folder/run-folder.ts';
import type { Scenario } from '../../scenario/scenario.ts';
import { threadPool } from '../../worker/thread-pool.ts';
import { dpsloadVersion } from '../host/dpsload-version.ts';
import { type EmbeddedEmulator, startEmbeddedEmulator, withThrowAwayKey } from '../host/embedded-emulator.ts';
import { exitCodeOf } from '../host/exit-code.ts';
import type { StartRun } from '../host/run-inputs.ts';
import { listenForSignals } from '../host/stop-signals.ts';
import { showRunEnd } from '../view/show-run-end.ts';
import { watchRun } from '../view/watch-run.ts';

/** Registers the surveyed fleet, and shows how it goes and how it went. */
export const startRun: StartRun = async (
  scenario,
  fleet,
  { keys: givenKeys, caPems, again, settings, selection, resumed, registrations, ...display },
) => {
  ensureOutFolder(scenario.out);
  const keys = withThrowAwayKey(scenario.target, givenKeys);
  const endpoint = await openEndpoint(scenario, keys, caPems);
  const signals = listenForSignals();
  const view = watchRun(scenario, registrations, endpoint.target, display);
  let metrics: PublishedMetrics | null = null;
  let end: RunEnd;
  try {
    metrics = await publishMetrics(
      scenario.metricsPort,
      metricsPlan(scenario, registrations, endpoint.target),
      view.log,
    );
    end = await registerFleet({
      scenario,
      settings,
      fleet,
      selection,
      resumed,
      target: endpoint.target,
      caPems: endpoint.caPems,
      keys,
      version: dpsloadVersion(),
      emulatorPid: endpoint.emulator?.pid ?? null,
      again,
      startPool: threadPool(),
      stopRequests: signals,
      listener: metrics === null ? view.listener : runListeners(view.listener, metrics.listener),
    });
  } finally {
    view.finish();
    signals.dispose();
    await metrics?.close();
    await endpoint.emulator?.stop();
  }
  showRunEnd(end, display, resumed?.switches ?? []);
  return exitCodeOf(end);
};

function metricsPlan({ load }: Scenario, total: number, target: TargetName): RunMetricsPlan {
  return { target, version: dpsloadVersion(), total, ratePerSecond: steadyRatePerSecond(load.shape) };
}

/** What a run talks to: the service, or the emulator that was started for it. */
type Endpoint = {
  readonly target: TargetName;
  readonly caPems: readonly string[];
  readonly emulator: EmbeddedEmulator | null;
};

async function openEndpoint(
  { target, transport }: Scenario,
  keys: AttestationKeys,
  caPems: readonly string[],
): Promise<Endpoint> {
  if (target.kind === 'service') return { target, caPems, emulator: null };
  const emulator = await startEmbeddedEmulator(keys, target.configFile, transport);
  const { host, port, idScope } = emulator;
  return { target: { kind: 'emulator', host, port, idScope }, caPems: [...caPems, emulator.caPem], emulator };
}
