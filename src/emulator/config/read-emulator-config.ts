import { readFileSync } from 'node:fs';
import { unreadableFile } from '../../problem/operator-error.ts';
import { YamlDocument } from '../../problem/yaml-document.ts';
import type { DpsInstance } from '../service/dps-instance.ts';
import type { FaultRule } from '../service/fault-rule.ts';
import { SERVICE_BEHAVIOR_DEFAULT, type ServiceBehavior } from '../service/service-behavior.ts';
import { ConfigProblems } from './config-problems.ts';
import { ConfigSources } from './config-sources.ts';
import { EMULATOR_SHAPE, type EmulatorShape, emulatorConfigSchema } from './emulator-schema.ts';
import { resolveFault } from './resolve-fault.ts';
import { resolveInstance } from './resolve-instance.ts';

/** What a configuration file says: options of `startEmulator`. */
export type EmulatorConfig = {
  readonly instances: readonly DpsInstance[];
  readonly behavior: ServiceBehavior;
  readonly faults: readonly FaultRule[];
  readonly seed: number;
};

/**
 * Reads a configuration file, and the keys and certificates that it names.
 *
 * @param environment Holds the keys of `…Variable`.
 * @throws OperatorError with every problem of the file, each with line and column.
 */
export function readEmulatorConfig(
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
): EmulatorConfig {
  const document = new YamlDocument(file, readText(file));
  const problems = new ConfigProblems(file, document);
  problems.throwIfAny();
  const { data, error } = EMULATOR_SHAPE.safeParse(document.values(), { reportInput: true });
  if (error !== undefined) problems.addIssues(error.issues, emulatorConfigSchema());
  problems.throwIfAny();
  if (data === undefined) throw new Error('neither data nor issues');
  const sources = new ConfigSources(file, environment, problems);
  const instances = data.instances.map((shape, index) =>
    resolveInstance(shape, ['instances', index], sources, problems),
  );
  noteRepeatedScopes(instances, problems);
  const faults = (data.faults ?? []).map((shape, index) => resolveFault(shape, ['faults', index], problems));
  problems.throwIfAny();
  return { instances, behavior: resolveBehavior(data.behavior), faults, seed: data.seed ?? 1 };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadableFile(file, error);
  }
}

function resolveBehavior(shape: EmulatorShape['behavior'] = {}): ServiceBehavior {
  const standard = SERVICE_BEHAVIOR_DEFAULT;
  return {
    retryAfterSeconds: shape.retryAfter === undefined ? standard.retryAfterSeconds : shape.retryAfter,
    assignmentDelayMs: shape.assignmentDelay ?? standard.assignmentDelayMs,
    operationLifetimeMs: shape.operationLifetime ?? standard.operationLifetimeMs,
    clockSkewSeconds: shape.clockSkew === undefined ? standard.clockSkewSeconds : shape.clockSkew / 1000,
    conflictShare: shape.conflictShare ?? standard.conflictShare,
    answerDelayMs: shape.answerDelay ?? standard.answerDelayMs,
    disabledAnswer: shape.disabledAnswer ?? standard.disabledAnswer,
    unknownAnswer: shape.unknownAnswer ?? standard.unknownAnswer,
    malformedUsernameCode: shape.malformedUsernameCode ?? standard.malformedUsernameCode,
    commonNameCheck: shape.commonNameCheck ?? standard.commonNameCheck,
    derivationCase: shape.derivationCase ?? standard.derivationCase,
    otherFilters: shape.otherFilters ?? standard.otherFilters,
    otherTopics: shape.otherTopics ?? standard.otherTopics,
    idleTimeoutMs: shape.idleTimeout ?? standard.idleTimeoutMs,
    namesEnrollmentGroup: shape.namesEnrollmentGroup ?? standard.namesEnrollmentGroup,
    grantsExactFilters: shape.grantsExactFilters ?? standard.grantsExactFilters,
    webhookTimeoutMs: shape.webhookTimeout ?? standard.webhookTimeoutMs,
  };
}

function noteRepeatedScopes(instances: readonly DpsInstance[], problems: ConfigProblems): void {
  instances.forEach(({ idScope }, index) => {
    if (instances.findIndex((other) => other.idScope === idScope) === index) return;
    problems.at(
      ['instances', index, 'idScope'],
      `ID scope ${idScope} stands there twice`,
      'Give each instance its own',
    );
  });
}
