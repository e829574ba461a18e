import type { FleetSurvey } from '../../fleet/survey-fleet.ts';
import { REGISTRATION_SECONDS } from '../../load/capacity.ts';
import { shares } from '../../load/credits.ts';
import type { LoadShape } from '../../load/pace.ts';
import { estimateRun } from '../../load/run-estimate.ts';
import type { SlotChoice } from '../../load/slots.ts';
import type { Slotted } from '../../preflight/choose-slots.ts';
import { describeHubCheckPlan } from '../../preflight/hub-check-plan.ts';
import { slotFindings } from '../../preflight/slot-findings.ts';
import { plannedLoadWarnings } from '../../report/closed-model.ts';
import { formatCount, formatDuration, formatNoun } from '../../report/format.ts';
import { showLocalAgent } from '../../scenario/notation/local-agents.ts';
import { formatRate, formatStages } from '../../scenario/notation/rate.ts';
import { loadRisks, meteredPerMinute, risksAtRealHost } from '../../scenario/read/load-risks.ts';
import { excessOf, isLoopbackTarget, loadAtRealHost } from '../../scenario/read/resolve-load.ts';
import type { ResolvedScenario } from '../../scenario/read/resolve-scenario.ts';
import type { AttestationChoice, CertificateSource, Scenario, SecretSource, Target } from '../../scenario/scenario.ts';
import { printDuration } from '../../time/duration.ts';

/** Describes what a run would do. @param rows to register */
export function describeRun({ resolved, choice }: Slotted, survey: FleetSurvey, rows: number): string {
  const { scenario } = resolved;
  const { load, fleet } = scenario;
  const lines: readonly (readonly [string, string])[] = [
    ['target', describeTarget(scenario.target, scenario.apiVersion)],
    ['attestation', describeAttestation(scenario.attestation)],
    ['fleet', `${fleet.file}: ${formatNoun(survey.rows, 'row')}, SHA-256 ${survey.digest}`],
    [
      'to register',
      load.rounds === 1
        ? formatNoun(rows, 'row')
        : `${formatNoun(rows * load.rounds, 'registration')} in ${formatCount(load.rounds)} rounds`,
    ],
    ['load', describeLoad(load)],
    ...describeAgents(scenario),
    ...describeSlots(load, choice, rows),
    ...describeHubCheck(scenario),
    ['limits', describeLimits(scenario.load, loadRisks(scenario))],
    ...describeRealHost(resolved),
    ['duration', describeDuration(rows, scenario)],
    ['results', `a new folder in ${scenario.out}`],
    ...plannedLoadWarnings(load, rows).map((warning) => ['warning', warning] as const),
  ];
  const text = lines.map(([term, value]) => `${term.padEnd(12)} ${value}\n`).join('');
  return `${text}Dry run: nothing was opened, sent or written.\n`;
}

export function describeTarget(target: Target, apiVersion: string): string {
  if (target.kind === 'emulator')
    return `EMULATOR, started for the run${target.configFile === null ? '' : `, configured by ${target.configFile}`}`;
  return `${target.host}:${target.port}, ID scope ${target.idScope}, api-version ${apiVersion}`;
}

function describeAttestation(attestation: AttestationChoice): string {
  if (attestation.kind === 'device-key') return 'device-key: the column device_key';
  if (attestation.kind === 'x509') return `x509: ${describeCertificates(attestation.certificates)}`;
  const groups = Object.entries(attestation.groups).map(([name, source]) => `${name}: ${describeSource(source)}`);
  const all =
    attestation.key === null
      ? []
      : [`${groups.length === 0 ? 'all' : 'all others'}: ${describeSource(attestation.key)}`];
  const keys = [...groups, ...all];
  return `group-key: ${keys.length === 0 ? 'a throwaway key' : keys.join(', ')}`;
}

function describeCertificates(source: CertificateSource): string {
  switch (source.from) {
    case 'rows':
      return 'the columns cert_file and key_file';
    case 'folder':
      return `${source.folder}: ${source.certificatePattern}, ${source.keyPattern}`;
    case 'issuer':
      return `a new certificate for each device, signed by ${source.certificateFile}`;
    case 'throw-away':
      return 'a new certificate for each device, signed by a throwaway CA';
  }
}

function describeSource(source: SecretSource): string {
  return source.kind === 'file' ? source.file : `$${source.variable}`;
}

function describeLoad({ concurrency, workers, shape }: Scenario['load']): string {
  const perWorker = summarize(shares(concurrency, workers));
  return `up to ${formatNoun(concurrency, 'registration')} in flight, ${describeShape(shape)}; workers: ${perWorker}`;
}

function describeAgents({ agents }: Scenario): readonly (readonly [string, string])[] {
  if (agents === null) return [];
  const { count, local, withinMs } = agents;
  if (local === null) return [['agents', `${count}, waits for them for up to ${formatDuration(withinMs)}`]];
  return [['agents', `${count} on this machine, started for the run: ${local.map(showLocalAgent).join('; ')}`]];
}

function describeHubCheck(scenario: Scenario): readonly (readonly [string, string])[] {
  const plan = describeHubCheckPlan(scenario);
  return plan === null ? [] : [['hub check', plan]];
}

/** The slots that were chosen, or what is wrong with those that were asked for. */
function describeSlots(
  load: Scenario['load'],
  choice: SlotChoice | null,
  devices: number,
): readonly (readonly [string, string])[] {
  const findings = slotFindings(choice, load.concurrency, estimateRun(load, devices));
  return findings.map(({ level, evidence, remedy }) => [
    'slots',
    `${level === 'warning' ? 'warning: ' : ''}${evidence}${remedy === null ? '' : `. ${remedy}.`}`,
  ]);
}

function describeShape(shape: LoadShape): string {
  switch (shape.kind) {
    case 'closed':
      return 'as fast as these allow';
    case 'rate':
      return `launched at ${formatRate(shape.ratePerSecond)}`;
    case 'stages':
      return `launched in the stages ${formatStages(shape.stages)}`;
    case 'batches':
      return `launched in batches of ${formatCount(shape.size)} every ${printDuration(shape.everyMs)}`;
    case 'at-once':
      return 'all with the same intended start';
  }
}

/** The limits that protect the service and its other users, and what the run asks about them. */
function describeLimits(load: Scenario['load'], risks: readonly string[]): string {
  const metered = meteredPerMinute({ load });
  const share =
    metered === null ? 'no quota' : `at most ${formatNoun(Math.floor(metered), 'register request')} a minute`;
  const canary =
    load.canaryPerGroup === 0 ? 'no canary' : `canary of ${formatNoun(load.canaryPerGroup, 'device')} per group`;
  const prompt =
    risks.length === 0 ? 'does not ask for confirmation' : `asks for confirmation because ${risks.join(' and ')}`;
  return `${share}, governor ${load.governor ? 'on' : 'off'}, ${canary}; ${prompt}`;
}

/** What a real service would get from the same settings, for a rehearsal on this machine. */
function describeRealHost(resolved: ResolvedScenario): readonly (readonly [string, string])[] {
  if (!isLoopbackTarget(resolved.scenario.target)) return [];
  const load = loadAtRealHost(resolved);
  const excess = excessOf(load);
  const limits = describeLimits(load, risksAtRealHost(load));
  return [['real host', excess === null ? limits : `would refuse this load: it ${excess}`]];
}

/** `3 × 34, 1 × 33` */
function summarize(parts: readonly number[]): string {
  const sizes = [...new Set(parts)];
  return sizes.map((size) => `${parts.filter((part) => part === size).length} × ${size}`).join(', ');
}

function describeDuration(devices: number, { load }: Scenario): string {
  const { durationMs, lastLaunchMs, isGuess, launches } = estimateRun(load, devices);
  const isPart = launches < devices * load.rounds;
  const about = `about ${formatEstimate(durationMs)}, ${formatEstimate(lastLaunchMs)} until the last launch${isPart ? `, in which the stages launch ${formatCount(launches)}` : ''}`;
  return isGuess ? `${about}, if a registration takes ${REGISTRATION_SECONDS} s` : about;
}

/** `12 s`, `4 min 3 s`: whole seconds, since an estimate is no measurement. */
export function formatEstimate(durationMs: number): string {
  const seconds = Math.ceil(durationMs / 1_000);
  return seconds < 60 ? `${seconds} s` : formatDuration(seconds * 1_000);
}
