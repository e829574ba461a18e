import { join } from 'node:path';
import type { AttestationKeys } from '../attestation/attestation-keys.ts';
import { hubCredentialsMaker, type MadeHubCredentials } from '../attestation/hub-credentials.ts';
import { hubUsername } from '../dps/hub-identity.ts';
import { readFleet } from '../fleet/read-fleet.ts';
import { type HubAttempt, type HubCheckFailure, type HubCheckPolicy, isAllowedHub } from '../hub/hub-check.ts';
import { surveyHubChecks } from '../journal/hub-check-journal.ts';
import { HubCheckLog } from '../journal/hub-check-log.ts';
import { type HubEndReason, newHubSession } from '../journal/hub-check-record.ts';
import { hubConnectionsAllowed } from '../load/hub-pace.ts';
import { pinnedAddress } from '../mqtt/host-addresses.ts';
import { type HubAttemptInProgress, tryHub } from '../mqtt/hub-attempt.ts';
import { placeName } from '../mqtt/tls-dialler.ts';
import { formatCount, formatNoun } from '../report/format.ts';
import { surveyJournals } from '../results/survey-journals.ts';
import type { StopRequests } from '../run/stop-request.ts';
import type { UsableFleet } from '../run-folder/rejected-rows.ts';
import { HUB_CHECKS_FILE, JOURNAL_FILE } from '../run-folder/run-folder.ts';
import { isLoopbackTarget } from '../scenario/read/resolve-load.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { type Clock, repeat } from '../time/clock.ts';
import { hrtimeMs, systemClock } from '../time/system-clock.ts';
import { CheckStage } from './check-stage.ts';
import { HubConnections } from './hub-connections.ts';
import { assignedDevices, devicesLeft, drawSample, type SampledDevice } from './sampled-devices.ts';

/** How often progress is told. */
const PROGRESS_INTERVAL_MS = 10_000;

export type HubCheckRequest = {
  /** Of a run whose journal nobody writes to; the caller holds its lock. */
  readonly folder: string;
  readonly scenario: Scenario;
  readonly policy: HubCheckPolicy;
  readonly fleet: UsableFleet;
  readonly keys: AttestationKeys;
  readonly caPems: readonly string[];
  /** Of dpsload. */
  readonly version: string;
  /** By the wall clock: hubs that assigned devices before then have ended, as those of an embedded emulator; `null` = none has. */
  readonly hubsSinceEpochMs: number | null;
  readonly stopRequests: StopRequests;
  /** Something that the operator should know, in whole sentences. */
  readonly notice: (message: string) => void;
};

/**
 * Checks a sample of a run's devices at their hubs, and records each check durably. Devices that have passed an earlier session of the same
 * check are not checked again.
 *
 * @throws OperatorError when a journal is damaged or the disk fails
 */
export async function checkHubs(request: HubCheckRequest): Promise<HubEndReason> {
  const { folder, policy, scenario } = request;
  const clock = systemClock(hrtimeMs());
  const survey = await surveyJournals([join(folder, JOURNAL_FILE)]);
  const file = join(folder, HUB_CHECKS_FILE);
  const before = await surveyHubChecks(file);
  const checks = before?.session.check === policy.check ? before : null;
  const earlier = { checks, hubsSinceEpochMs: request.hubsSinceEpochMs };
  const devices = () => assignedDevices(survey);
  const sample = await drawSample(devices(), { share: policy.share, seed: scenario.seed }, earlier);
  const perSecondAt = (hub: string): number =>
    hubConnectionsAllowed(hub, policy.connectionsPerSecond, scenario.load.hubs);
  const journal = await HubCheckLog.open(file, before?.bytes ?? 0);
  const { version: dpsloadVersion } = request;
  const hubs = sample.hubs.map((hub) => ({ ...hub, perSecond: perSecondAt(hub.hub) }));
  journal.append(
    newHubSession({
      dpsloadVersion,
      check: policy.check,
      share: policy.share,
      startedAtEpochMs: clock.epochMs() - clock.nowMs(),
      hubs,
    }),
  );
  request.notice(beginning(policy, hubs));
  const left = devicesLeft(devices(), readFleet(scenario.fleet, request.fleet), sample, earlier);
  try {
    const { passedBefore } = sample;
    const reason = await runStage(request, { clock, journal, left, perSecondAt, passedBefore });
    journal.append({ kind: 'hub-end', atMs: clock.nowMs(), reason });
    return reason;
  } finally {
    await journal.close();
  }
}

type StageParts = {
  readonly clock: Clock;
  readonly journal: HubCheckLog;
  readonly left: AsyncIterable<SampledDevice>;
  readonly perSecondAt: (hub: string) => number;
  /** Devices of the sample that are not checked again. */
  readonly passedBefore: number;
};

async function runStage(
  request: HubCheckRequest,
  { clock, journal, left, perSecondAt, passedBefore }: StageParts,
): Promise<HubEndReason> {
  const { policy, scenario, stopRequests, notice } = request;
  const connections = new HubConnections(connectionSettings(request), clock);
  let checked = 0;
  let failed = 0;
  const stage = new CheckStage({
    clock,
    policy: { ...policy, seed: scenario.seed },
    devices: left,
    perSecondAt,
    begin: attempts(request, connections, clock),
    onChecked: (record) => {
      checked += 1;
      if (record.result !== 'passed') failed += 1;
      journal.append(record);
    },
  });
  const before = passedBefore === 0 ? '' : `, ${formatCount(passedBefore)} had passed before`;
  const progress = (): string =>
    `hub check: ${formatNoun(checked, 'device')} checked, ${formatCount(failed)} failed${before}`;
  const ticker = repeat(clock, PROGRESS_INTERVAL_MS, () => notice(`${progress()}.`));
  try {
    const running = stage.run();
    // A stop that came while the sample was drawn is told at once, and a stage that does not run yet would not hear it.
    stopRequests.onRequest(({ reason }) => stage.stop(reason));
    const reason = await Promise.race([running, journal.failed]);
    notice(`${progress()}${reason === 'completed' ? '' : `; ended early (${reason})`}.`);
    return reason;
  } finally {
    ticker.cancel();
    stage.stop('terminated');
    connections.close();
  }
}

/** The embedded emulator's hubs speak MQTT over TLS only. */
function connectionSettings({ scenario, policy, caPems }: HubCheckRequest) {
  const { nameResolution, target, tls } = scenario;
  const transport = target.kind === 'emulator' ? 'mqtt' : scenario.transport;
  return { tls, nameResolution, transport, caPems, connectTo: policy.connectTo };
}

/** How one connection of a device begins. A hub whose name is not allowed is never dialed. */
function attempts(
  request: HubCheckRequest,
  connections: HubConnections,
  clock: Clock,
): (device: SampledDevice, attempt: number) => HubAttemptInProgress {
  const { policy, keys, version } = request;
  const makeCredentials = hubCredentialsMaker(keys, clock);
  const userAgent = `dpsload/${version}`;
  return (device, attempt) => {
    const { hub, deviceId } = device;
    const reason = dialRefusal(hub, request, connections);
    if (reason !== null) return over('hub-not-allowed', reason);
    let running: HubAttemptInProgress | null = null;
    let isCancelled = false;
    const connect = async (made: MadeHubCredentials): Promise<HubAttempt> => {
      if ('refusal' in made) return await over('hub-credentials', made.refusal.message).ended;
      const open = await connections.to(hub);
      const { clientCertificate, password } = made.credentials;
      const identity = {
        clientId: deviceId,
        username: hubUsername(hub, deviceId, userAgent),
        password: password(clock.epochMs(), attempt),
        clientCertificate,
      };
      if (isCancelled) return await new Promise<never>(() => {});
      running = tryHub({ open, clock, identity, policy });
      return await running.ended;
    };
    return {
      ended: makeCredentials(device).then(connect),
      cancel() {
        isCancelled = true;
        running?.cancel();
      },
    };
  };
}

/** Why a hub is not dialed; `null` = it may be. */
function dialRefusal(
  hub: string,
  { policy: { allowedHosts, connectTo }, scenario: { nameResolution, target } }: HubCheckRequest,
  connections: HubConnections,
): string | null {
  if (!isAllowedHub(hub, allowedHosts)) return `the name of the hub does not end in ${allowedHosts.join(', ')}`;
  if (connectTo !== null || !isLoopbackTarget(target)) return null;
  const place = connections.placeOf(hub);
  // A name that is given for another port would be looked up for this one.
  if (pinnedAddress(place, nameResolution.pinned) !== null) return null;
  return `the service is on this machine, and --resolve does not say where ${placeName(place)} is`;
}

const NO_PHASES = { dnsMs: null, tcpMs: null, tlsMs: null, connackMs: null, subackMs: null, answerMs: null };

function over(result: HubCheckFailure, message: string): HubAttemptInProgress {
  return { ended: Promise.resolve({ result, message, phases: NO_PHASES }), cancel: () => {} };
}

function beginning(
  { check, concurrency }: HubCheckPolicy,
  hubs: readonly { readonly devices: number; readonly sampled: number; readonly perSecond: number }[],
): string {
  const sum = (member: 'devices' | 'sampled'): number => hubs.reduce((total, hub) => total + hub[member], 0);
  const paces = [...new Set(hubs.map(({ perSecond }) => formatCount(perSecond)))].join(' or ');
  return (
    `hub check (${check}): ${formatCount(sum('sampled'))} of ${formatNoun(sum('devices'), 'device')} at ${formatNoun(hubs.length, 'hub')}` +
    `${hubs.length === 0 ? '' : `, at most ${paces} new connections a second at each, ${formatCount(concurrency)} open at once`}.`
  );
}
