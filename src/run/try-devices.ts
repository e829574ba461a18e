import type { FleetRow } from '../fleet/fleet-row.ts';
import { targetAddresses } from '../mqtt/host-addresses.ts';
import { serviceConversations } from '../mqtt/service-conversations.ts';
import type { Launch } from '../registration/launch.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { PERMIT_LAPSE_MS } from '../registration/registration-policy.ts';
import { meteredPerMinute } from '../scenario/read/load-risks.ts';
import type { Clock } from '../time/clock.ts';
import { hrtimeMs, systemClock } from '../time/system-clock.ts';
import { RegistrationWorker, type WorkerSurroundings } from '../worker/registration-worker.ts';
import type { FromWorker } from '../worker/worker-messages.ts';
import { PermitIssuer } from './permit-issuer.ts';
import type { RunRequest } from './run-request.ts';
import { workerSetup } from './worker-setup.ts';

/** Registrations in flight: a trial is no load. */
const CONCURRENCY = 10;

export type TryRequest = Pick<RunRequest, 'scenario' | 'target' | 'caPems' | 'keys' | 'version' | 'stopRequests'> & {
  /** At least one. */
  readonly rows: readonly FleetRow[];
};

/**
 * Registers devices outside any run, and writes nothing: for `check --try`. Quota, governor, retry-after and retries are those of a
 * run. A stop request lets what is in flight finish, or ends it; the others come back as `not-started`.
 *
 * @returns an outcome for each row, in the order of their ends
 */
export async function tryDevices(request: TryRequest): Promise<readonly RegistrationOutcome[]> {
  const { scenario, stopRequests, target } = request;
  const addresses = targetAddresses(target, scenario.nameResolution);
  try {
    if (scenario.nameResolution.cacheMs !== null) await addresses.refresh();
    const clockOriginMs = hrtimeMs();
    const clock = systemClock(clockOriginMs);
    const setup = workerSetup(request, clockOriginMs, addresses);
    const trial = new DeviceTrial(request, { setup, clock, open: await serviceConversations(setup, clock) });
    stopRequests.onRequest(({ urgency }) => trial.stop(urgency === 'at-once'));
    return await trial.run();
  } finally {
    addresses.stop();
  }
}

/** One worker, in this thread, that gets the next device whenever one has ended. */
class DeviceTrial {
  readonly #clock: Clock;
  readonly #rows: readonly FleetRow[];
  readonly #worker: RegistrationWorker;
  readonly #permits: PermitIssuer | null;
  readonly #governor: boolean;
  readonly #outcomes: RegistrationOutcome[] = [];
  #launched = 0;
  #end: () => void = () => {};

  constructor({ scenario, rows }: TryRequest, surroundings: Pick<WorkerSurroundings, 'setup' | 'clock' | 'open'>) {
    const { setup, clock } = surroundings;
    this.#clock = clock;
    this.#rows = rows;
    this.#governor = scenario.load.governor;
    const sharePerMinute = meteredPerMinute(scenario);
    const needsPermits = setup.policy.permitLapseMs !== null;
    this.#permits = needsPermits
      ? new PermitIssuer({
          clock,
          sharePerMinute,
          permitLapseMs: setup.policy.permitLapseMs ?? PERMIT_LAPSE_MS,
          askedPerSecond: CONCURRENCY,
          retryAfterMaxMs: setup.policy.retryAfterMaxMs,
          grant: (_worker, sequence, validUntilMs) =>
            this.#worker.receive({ type: 'permitGranted', sequence, validUntilMs }),
        })
      : null;
    const send = (message: FromWorker): void => this.#receive(message);
    this.#worker = new RegistrationWorker({ ...surroundings, concurrency: CONCURRENCY, send });
  }

  async run(): Promise<readonly RegistrationOutcome[]> {
    const ended = new Promise<void>((resolve) => {
      this.#end = resolve;
    });
    this.#worker.begin();
    this.#launch(CONCURRENCY);
    await ended;
    this.#permits?.close();
    return this.#outcomes;
  }

  stop(atOnce: boolean): void {
    this.#worker.receive({ type: atOnce ? 'cancelAll' : 'dropWaiting' });
  }

  #launch(count: number): void {
    const rows = this.#rows.slice(this.#launched, this.#launched + count);
    if (rows.length === 0) return;
    const launches = rows.map((row, index) => this.#launchOf(row, this.#launched + index));
    this.#launched += rows.length;
    this.#worker.receive({ type: 'launch', launches });
    if (this.#launched === this.#rows.length) this.#worker.receive({ type: 'noMoreLaunches' });
  }

  #launchOf(row: FleetRow, sequence: number): Launch {
    const permits = this.#permits?.permits ?? null;
    const notBeforeMs = permits?.take(this.#clock.nowMs()) ?? null;
    const permitUntilMs = notBeforeMs === null ? null : (permits?.lapsesAtMs(notBeforeMs) ?? null);
    return { ...row, round: 1, sequence, intendedAtMs: null, heldMs: 0, notBeforeMs, permitUntilMs };
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'outcomes':
        this.#outcomes.push(...message.outcomes);
        this.#launch(message.outcomes.length);
        break;
      case 'throttled':
        if (this.#governor) this.#permits?.throttled(message.atMs, message.retryAfterSeconds);
        break;
      case 'permitRequested':
        if (this.#permits?.request(0, message.sequence, message.repeats, this.#launched) === true) this.stop(true);
        break;
      case 'permitWithdrawn':
        this.#permits?.withdraw(0, message.sequence);
        break;
      case 'ended':
        this.#end();
        break;
      case 'ready':
      case 'connected':
      case 'probeEnded':
      case 'health':
        break;
    }
  }
}
