import { type FieldValue, flag, list, members, orNull, orUsual, rounded, text, texts, whole } from './json-field.ts';

/*
 * What a journal records of agents. Where the workers are threads of this machine, there are none, and nothing of this is written.
 */

export const agentRecord = members({
  name: text,
  labels: texts,
  /** Workers that it can host. */
  slots: whole,
  version: text,
});

/** An agent as it introduced itself. */
export type AgentRecord = FieldValue<typeof agentRecord>;

/** Labels of an agent, such as `region`. */
export type AgentLabels = AgentRecord['labels'];

/** The label that says where an agent, and with it its devices, are. */
export const REGION_LABEL = 'region';

export const NO_LABELS: AgentLabels = Object.freeze({});

export const agentSample = members({
  name: text,
  /** Workers that it hosts. */
  workers: list(whole),
  inFlight: whole,
  /** Since the last sample, as are the largest values. */
  launched: whole,
  /** `null` in the closed model. */
  startLagMaxMs: orNull(rounded),
  /** Of its workers and of its main event loop. */
  loopDelayMaxMs: rounded,
  /** How long its busiest worker had almost no idle time since the last sample. */
  saturatedMs: orUsual(rounded, 0),
  /** CPU cores that its process keeps busy. */
  cpuShare: rounded,
  rssBytes: whole,
  /** Its connections, mostly; `null` where its system does not report them. */
  fileDescriptors: orNull(whole),
  /** Its clock relative to that of the run, and how far that may be wrong either way. */
  offsetMs: rounded,
  offsetUncertaintyMs: rounded,
  /** It was given up; everything else is as last heard of. */
  isLost: orUsual(flag, false),
});

/** The state of an agent at the time of a sample. */
export type AgentSample = FieldValue<typeof agentSample>;
