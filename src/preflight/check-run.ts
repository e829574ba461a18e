import { lookup } from 'node:dns/promises';
import type { AllocationExpectation } from '../allocation/allocation-expectation.ts';
import type { AttestationKeys } from '../attestation/attestation-keys.ts';
import { REGISTRATIONS_PER_MINUTE_MAX } from '../dps/service-limits.ts';
import { CAPITAL_IDS_REMEDY, capitalIdsWarning, type FleetSurvey } from '../fleet/survey-fleet.ts';
import {
  amountCaps,
  bindingLimit,
  type CapacityDemand,
  type CapacitySupply,
  type HubCapacity,
  type RateCap,
  REGISTRATION_SECONDS,
  rateCaps,
  slotRounds,
} from '../load/capacity.ts';
import { launchesPerMinuteMax } from '../load/pace.ts';
import { serviceConversations } from '../mqtt/service-conversations.ts';
import { probeTls } from '../mqtt/tls-probe.ts';
import { OperatorError } from '../problem/operator-error.ts';
import { formatNoun } from '../report/format.ts';
import { loadRisks, meteredPerMinute } from '../scenario/read/load-risks.ts';
import { isLoopbackTarget } from '../scenario/read/resolve-load.ts';
import type { Scenario, Target } from '../scenario/scenario.ts';
import type { RowSelection } from '../selection/row-selection.ts';
import { rowTaker } from '../selection/session-rows.ts';
import type { Clock } from '../time/clock.ts';
import { allocationFindings } from './allocation-findings.ts';
import {
  amountFinding,
  formatPerMinute,
  overloadFindings,
  rateFinding,
  readLocalLimits,
  unknownHubs,
} from './capacity-findings.ts';
import { certificateFindings } from './certificate-findings.ts';
import { type Finding, finding, ok, warning } from './finding.ts';
import { firstDeviceIdentity, preflight } from './first-device.ts';
import { clockSkewOf } from './service-clock.ts';
import { clockFinding, connectFinding, connectionFindings, dnsFinding } from './target-findings.ts';

export type CheckRequest = {
  readonly scenario: Scenario;
  readonly survey: FleetSurvey;
  readonly keys: AttestationKeys;
  readonly caPems: readonly string[];
  readonly allocation: AllocationExpectation | null;
  readonly existingRecords: number | null;
  /** `null` = not told. */
  readonly hubs: readonly HubCapacity[] | null;
  readonly selection: RowSelection;
  readonly userAgent: string;
};

export type CheckReport = {
  readonly findings: readonly Finding[];
  /** What bounds the speed of the run. */
  readonly binding: RateCap;
  readonly registrations: number;
  /** At the speed of the binding limit, and in whole rounds of the slots. */
  readonly durationMinutes: number;
};

/** Looks at everything that could stop a run, or bound its speed. Connects, and registers nothing. */
export async function checkRun(request: CheckRequest, clock: Clock): Promise<CheckReport> {
  const demand = demandOf(request);
  const supply = supplyOf(request);
  const limits = rateCaps(demand, supply);
  const binding = bindingLimit(limits);
  const findings = [
    ...(await fleetFindings(request, demand.devices, clock)),
    ...(await targetFindings(request, clock)),
    ...allocationFindings(request.allocation, demand.devices),
    ...amountCaps(demand, supply).map(amountFinding),
    ...limits.filter(({ name }) => name !== 'local ports').map(rateFinding),
    ...unknownHubs(supply.hubs),
    ...overloadFindings(limits),
    ...loadRisks(request.scenario).map((risk) => warning('quota', risk, 'Stay within --quota and --quota-share')),
  ];
  const { registrations } = demand;
  return {
    findings,
    binding,
    registrations,
    durationMinutes: minutesAt(binding.perMinute, demand, request.scenario.load.rounds),
  };
}

function minutesAt(perMinute: number, { registrations, devices, concurrency }: CapacityDemand, rounds: number): number {
  const slotSeconds = slotRounds(devices, rounds, concurrency) * REGISTRATION_SECONDS;
  return Math.max(registrations / perMinute, slotSeconds / 60);
}

async function fleetFindings(request: CheckRequest, devices: number, clock: Clock): Promise<readonly Finding[]> {
  const { scenario, survey, selection, keys } = request;
  const { fleet, load } = scenario;
  const capitals = capitalIdsWarning(survey.capitalIds);
  return [
    rowsFinding(survey, devices),
    ...(capitals === null ? [] : [warning('fleet', capitals, CAPITAL_IDS_REMEDY)]),
    ...(await certificateFindings({ fleet, survey, takes: rowTaker({ load, selection }) }, keys, clock.epochMs())),
  ];
}

function rowsFinding({ file, rows, rejectedRows }: FleetSurvey, devices: number): Finding {
  const count = formatNoun(rows, 'row');
  const taken = devices === rows ? '' : `; ${devices} of them taken by --only, --exclude or --limit`;
  if (rejectedRows === 0) return ok('fleet', `${file}: ${count}, all legal, no registration ID twice${taken}`);
  const evidence = `${file}: ${count} that can be used, ${rejectedRows} left out${taken}`;
  return warning('fleet', evidence, 'See why with --on-bad-row stop');
}

async function targetFindings(request: CheckRequest, clock: Clock): Promise<readonly Finding[]> {
  const { target, tls } = request.scenario;
  if (target.kind === 'emulator') return [ok('target', 'the emulator, which is started for the run')];
  const dns = await resolveName(target.host);
  if (dns.level === 'problem') return [dns];
  const probe = await probeTls({ ...target, caPems: request.caPems }, tls, clock);
  const connection = connectionFindings(probe, clock.epochMs());
  const { transport } = request.scenario;
  const skewMs = await clockSkewOf({ ...target, transport, caPems: request.caPems }, clock);
  const found = [dns, ...connection, clockFinding(skewMs)];
  return probe.failure === null ? [...found, await connectAsFirstDevice(request, target, clock)] : found;
}

async function resolveName(host: string): Promise<Finding> {
  try {
    const addresses = await lookup(host, { all: true });
    return dnsFinding(
      host,
      addresses.map(({ address }) => address),
      null,
    );
  } catch (error) {
    return dnsFinding(host, null, (error as NodeJS.ErrnoException).code ?? 'unknown error');
  }
}

async function connectAsFirstDevice(
  { scenario, survey, keys, caPems, userAgent }: CheckRequest,
  target: Extract<Target, { kind: 'service' }>,
  clock: Clock,
): Promise<Finding> {
  const { transport, tls } = scenario;
  const { host, port, idScope } = target;
  const made = await firstDeviceIdentity({ scenario, fleet: survey, idScope, keys, userAgent }, clock);
  if ('refusal' in made) return connectFinding(null, made.refusal.code);
  const open = serviceConversations({ host, port, caPems, transport, tls }, clock);
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
  const devices = Math.min(selection.rows, load.rowsMax ?? selection.rows);
  return {
    registrations: devices * load.rounds,
    devices,
    concurrency: load.concurrency,
    launchesPerMinuteMax: launchesPerMinuteMax(load.shape),
    quota: quotaOf(scenario),
    registrationSeconds: REGISTRATION_SECONDS,
  };
}

/** Where the run does not keep to a share of its own, the service keeps it to the whole. */
function quotaOf(scenario: Scenario): CapacityDemand['quota'] {
  const { quota } = scenario.load;
  const perMinute = quota?.perMinute ?? REGISTRATIONS_PER_MINUTE_MAX;
  const metered = meteredPerMinute(scenario);
  if (metered !== null && quota !== null) {
    const evidence = `${Math.round(quota.share * 100)}% of ${formatPerMinute(perMinute)} (--quota-share of --quota)`;
    return { perMinute: metered, evidence };
  }
  if (isLoopbackTarget(scenario.target)) return null;
  const evidence = 'what the instance grants; beyond it the service throttles, others of the instance too';
  return { perMinute, evidence };
}

function supplyOf({ scenario, existingRecords, hubs }: CheckRequest): CapacitySupply {
  const sourceAddresses = Math.max(1, scenario.tls.localAddresses.length);
  return { ...readLocalLimits(), sourceAddresses, existingRecords, hubs };
}
