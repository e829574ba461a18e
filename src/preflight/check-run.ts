import type { X509Certificate } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import type { AllocationExpectation } from '../allocation/allocation-expectation.ts';
import type { AttestationKeys } from '../attestation/attestation-keys.ts';
import type { OpenConversation } from '../conversation/conversation.ts';
import { REGISTRATIONS_PER_MINUTE_MAX } from '../dps/service-limits.ts';
import { fleetWarnings } from '../fleet/fleet-warnings.ts';
import type { FleetSurvey } from '../fleet/survey-fleet.ts';
import {
  bindingLimit,
  type CapacityDemand,
  type CapacitySupply,
  type RateCap,
  REGISTRATION_SECONDS,
  rateCaps,
} from '../load/capacity.ts';
import { launchesPerMinuteMax } from '../load/pace.ts';
import { estimateRun, type RunEstimate } from '../load/run-estimate.ts';
import type { SlotChoice } from '../load/slots.ts';
import type { ServiceConnectionSettings } from '../mqtt/connection-settings.ts';
import { targetAddresses } from '../mqtt/host-addresses.ts';
import { serviceConversations } from '../mqtt/service-conversations.ts';
import { probeTls, type TlsProbe } from '../mqtt/tls-probe.ts';
import { OperatorError } from '../problem/operator-error.ts';
import { CLOSED_MODEL, hidesStalls } from '../report/closed-model.ts';
import { formatCount, formatNoun, formatPercent } from '../report/format.ts';
import { loadRisks, meteredPerMinute } from '../scenario/read/load-risks.ts';
import { isLoopbackTarget } from '../scenario/read/resolve-load.ts';
import type { Scenario, Target } from '../scenario/scenario.ts';
import type { RowSelection } from '../selection/row-selection.ts';
import { rowTaker, selectedRows } from '../selection/session-rows.ts';
import type { Clock } from '../time/clock.ts';
import { allocationFindings } from './allocation-findings.ts';
import { amountFindings, formatPerMinute, overloadFindings, rateFinding, unknownHubs } from './capacity-findings.ts';
import { certificateFindings } from './certificate-findings.ts';
import { bytesOfRun, diskFindings } from './disk-findings.ts';
import { type Finding, finding, ok, warning } from './finding.ts';
import { firstDeviceIdentity, preflight } from './first-device.ts';
import { describeHubCheckPlan } from './hub-check-plan.ts';
import { keyFindings } from './key-findings.ts';
import { readLocalLimits } from './local-limits.ts';
import { measureClockSkew } from './service-clock.ts';
import { slotFindings } from './slot-findings.ts';
import { clockFinding, connectFinding, connectionFindings, dnsFinding, pinnedFinding } from './target-findings.ts';
import type { TriedDevice } from './try-findings.ts';

export type CheckRequest = {
  readonly scenario: Scenario;
  readonly survey: FleetSurvey;
  readonly keys: AttestationKeys;
  readonly caPems: readonly string[];
  readonly allocation: AllocationExpectation | null;
  /** How the concurrency was chosen; `null` = the operator gave it. */
  readonly slots: SlotChoice | null;
  readonly existingRecords: number | null;
  /** CAs of the enrollment groups; `null` = not given. */
  readonly enrollmentCas: readonly X509Certificate[] | null;
  readonly selection: RowSelection;
  readonly userAgent: string;
};

export type CheckReport = {
  readonly findings: readonly Finding[];
  /** The limit that bounds the speed of the run. */
  readonly binding: RateCap;
  /** That the run makes: fewer than wanted if its stages end early. */
  readonly registrations: number;
  /** As `estimateRun` has them. */
  readonly durationMs: number;
  readonly lastLaunchMs: number;
  /** Devices that the check has registered, or tried to; `null` = none was asked for. */
  readonly tried: readonly TriedDevice[] | null;
};

type ServiceTarget = Extract<Target, { kind: 'service' }>;

/** How `checkRun` reaches its target. */
export type TargetProbes = {
  /** @throws the name service's error */
  lookUp(): Promise<readonly string[]>;
  probeTls(): Promise<TlsProbe>;
  /** `null` = not measured. */
  clockSkewMs(): Promise<number | null>;
  readonly open: OpenConversation;
};

async function networkProbes(settings: ServiceConnectionSettings, clock: Clock): Promise<TargetProbes> {
  return {
    lookUp: async () => (await lookup(settings.host, { all: true })).map(({ address }) => address),
    probeTls: () => probeTls(settings, settings.tls, clock),
    clockSkewMs: () => measureClockSkew(settings, clock),
    open: await serviceConversations(settings, clock),
  };
}

/** Checks everything that could stop a run or bound its speed. Connects, but registers nothing. */
export async function checkRun(
  request: CheckRequest,
  clock: Clock,
  openProbes: typeof networkProbes = networkProbes,
): Promise<CheckReport> {
  const demand = demandOf(request);
  const supply = supplyOf(request);
  const limits = rateCaps(demand, supply);
  const binding = bindingLimit(limits);
  const estimate = estimateRun(request.scenario.load, demand.devices);
  const findings = [
    ...(await fleetFindings(request, demand.devices, clock)),
    ...(isEmulatorOfThese(request) ? [] : keyFindings(request.keys)),
    ...diskFindings(request.scenario.out, bytesNeeded(request, demand)),
    ...(await targetFindings(request, clock, openProbes)),
    ...allocationFindings(request.allocation, {
      devices: demand.devices,
      rounds: request.scenario.load.rounds,
      expected: request.scenario.expectation.devices,
    }),
    ...amountFindings(demand, supply),
    ...limits.filter(({ name }) => name !== 'local ports').map(rateFinding),
    ...unknownHubs(supply.hubs),
    ...overloadFindings(limits),
    ...slotFindings(request.slots, demand.concurrency, estimate),
    ...launchFindings(demand, estimate),
    ...(hidesStalls(request.scenario.load.shape.kind, demand.devices, demand.concurrency)
      ? [warning('load', CLOSED_MODEL.message, CLOSED_MODEL.remedy)]
      : []),
    ...hubCheckFindings(request.scenario),
    ...loadRisks(request.scenario).map((risk) => warning('load', risk, 'Leave quota and governor on')),
  ];
  return {
    findings,
    binding,
    registrations: estimate.launches,
    durationMs: estimate.durationMs,
    lastLaunchMs: estimate.lastLaunchMs,
    tried: null,
  };
}

/** The embedded emulator takes the keys of the run as its own, unless a file configures it. */
function isEmulatorOfThese({ scenario: { target } }: CheckRequest): boolean {
  return target.kind === 'emulator' && target.configFile === null;
}

/** Which hubs there are, and whether they can be reached, is known only when devices are assigned. */
function hubCheckFindings(scenario: Scenario): readonly Finding[] {
  const plan = describeHubCheckPlan(scenario);
  return plan === null ? [] : [ok('hub check', plan)];
}

/** Stages may end before every device is launched. */
function launchFindings({ registrations }: CapacityDemand, { launches }: RunEstimate): readonly Finding[] {
  if (launches >= registrations) return [];
  const evidence = `the stages end after ${formatCount(launches)} of ${formatNoun(registrations, 'registration')}`;
  return [warning('load', evidence, 'Lengthen the last stage; the other devices would not be started')];
}

function bytesNeeded({ scenario, survey }: CheckRequest, { registrations, devices }: CapacityDemand): number {
  const { rounds } = scenario.load;
  return bytesOfRun(registrations, (survey.bytes * devices) / Math.max(1, survey.rows), rounds);
}

async function fleetFindings(request: CheckRequest, devices: number, clock: Clock): Promise<readonly Finding[]> {
  const { scenario, survey, selection, keys, enrollmentCas } = request;
  const rules = { nowMs: clock.epochMs(), enrollmentCas };
  const { fleet, load } = scenario;
  return [
    rowsFinding(survey, scenario, devices),
    ...fleetWarnings(survey).map(({ message, remedy }) => warning('fleet', message, remedy)),
    ...selection.warnings.map((message) => warning('fleet', message, SELECTION_REMEDY)),
    ...(await certificateFindings({ fleet, survey, takes: rowTaker({ load, selection }) }, keys, rules)),
  ];
}

const SELECTION_REMEDY = 'Correct --only or the canary, unless this is intended';

function rowsFinding(
  { file, rows, rejectedRows }: FleetSurvey,
  { onBadRow }: Pick<Scenario, 'onBadRow'>,
  devices: number,
): Finding {
  const usable = formatNoun(rows, 'row');
  const taken = devices === rows ? '' : `; --only, --exclude or --limit selects ${formatCount(devices)}`;
  if (rejectedRows === 0) return ok('fleet', `${file}: ${usable}, all valid and unique${taken}`);
  const evidence = `${file}: ${usable} usable, ${formatCount(rejectedRows)} rejected${taken}`;
  // Where bad rows stop the run, only exact copies are left out.
  const remedy =
    onBadRow === 'skip' ? 'Run with --on-bad-row stop to see why' : 'Remove the rows that are exact copies of others';
  return warning('fleet', evidence, remedy);
}

async function targetFindings(
  request: CheckRequest,
  clock: Clock,
  openProbes: typeof networkProbes,
): Promise<readonly Finding[]> {
  const { caPems, scenario } = request;
  const { target, tls, transport, mqttClient, nameResolution } = scenario;
  if (target.kind === 'emulator') return [ok('target', 'the emulator, which is started for the run')];
  const addresses = targetAddresses(target, nameResolution).current;
  const probes = await openProbes({ ...target, caPems, transport, mqttClient, tls, addresses }, clock);
  const dns =
    addresses === null
      ? await lookUpFinding(target, probes)
      : pinnedFinding(
          target.host,
          addresses.map(({ address }) => address),
        );
  if (dns.level === 'problem') return [dns];
  const probe = await probes.probeTls();
  const found = [dns, ...connectionFindings(probe, clock.epochMs()), clockFinding(await probes.clockSkewMs())];
  return probe.failure === null ? [...found, await connectAsFirstDevice(request, target, probes, clock)] : found;
}

function lookUpFinding({ host }: ServiceTarget, { lookUp }: TargetProbes): Promise<Finding> {
  return lookUp().then(
    (addresses) => dnsFinding(host, addresses, null),
    (error: NodeJS.ErrnoException) => dnsFinding(host, null, error.code ?? 'unknown error'),
  );
}

async function connectAsFirstDevice(
  { scenario, survey, keys, userAgent }: CheckRequest,
  { host, port, idScope }: ServiceTarget,
  { open }: TargetProbes,
  clock: Clock,
): Promise<Finding> {
  const made = await firstDeviceIdentity({ scenario, fleet: survey, idScope, keys, userAgent }, clock);
  if ('refusal' in made) return connectFinding(null, made.refusal.code);
  try {
    const { connackMs, failureCode } = await preflight(`${host}:${port}`, made.identity, open, clock);
    return connectFinding(connackMs, failureCode);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    const [first] = error.problems;
    return finding('problem', 'mqtt', first?.message ?? error.message, first?.remedy ?? 'Check the target');
  }
}

function demandOf({ scenario, selection }: CheckRequest): CapacityDemand {
  const { load } = scenario;
  const devices = selectedRows({ load, selection });
  return {
    registrations: devices * load.rounds,
    devices,
    concurrency: load.concurrency,
    launchesPerMinuteMax: launchesPerMinuteMax(load.shape),
    quota: quotaOf(scenario),
    registrationSeconds: REGISTRATION_SECONDS,
  };
}

/** The share that the run keeps to, or else the whole quota, to which the service holds it. */
function quotaOf(scenario: Scenario): CapacityDemand['quota'] {
  const { quota } = scenario.load;
  const perMinute = quota?.perMinute ?? REGISTRATIONS_PER_MINUTE_MAX;
  const metered = meteredPerMinute(scenario);
  if (metered !== null && quota !== null) {
    const evidence = `${formatPercent(quota.share)} of ${formatPerMinute(perMinute)} (--quota-share of --quota)`;
    return { perMinute: metered, evidence };
  }
  if (isLoopbackTarget(scenario.target)) return null;
  const evidence = 'quota of the instance; above it the service throttles all clients of the instance';
  return { perMinute, evidence };
}

function supplyOf({ scenario, existingRecords }: CheckRequest): CapacitySupply {
  const sourceAddresses = Math.max(1, scenario.tls.localAddresses.length);
  return { ...readLocalLimits(), sourceAddresses, existingRecords, hubs: scenario.load.hubs };
}
