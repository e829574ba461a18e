import type { AllocationExpectation } from '../allocation/allocation-expectation.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import type { TargetName } from './target-name.ts';

/** Version of the record shapes below; a reader refuses a journal with another one. */
export const JOURNAL_VERSION = 1;

/** What launches are timed by. */
export const LOAD_SHAPES = [
  'closed', // nothing but free slots
  'rate',
  'stages',
  'batches',
  'at-once', // all when the session starts
] as const;

/** One per run or resume, first of its session. Holds no secret. */
export type SessionRecord = {
  readonly kind: 'session';
  readonly version: typeof JOURNAL_VERSION;
  /** 1-based number of the session within the journal. */
  readonly session: number;
  readonly dpsloadVersion: string;
  /** Wall clock at 0 of this session's clock: adds up with every `…AtMs` to a point in time. */
  readonly startedAtEpochMs: number;
  readonly name: string | null;
  readonly target: TargetName;
  readonly apiVersion: string;
  readonly attestation: string;
  readonly fleet: {
    /** As the user gave it. */
    readonly file: string;
    /** SHA-256 of the file, hexadecimal. */
    readonly digest: string;
    /** Length of the file: what is added behind it later is no part of the run. */
    readonly bytes: number;
    /** Rows that can be used. */
    readonly rows: number;
    readonly rejectedRows: number;
    readonly otherColumns: readonly string[];
  };
  /** Rows that this session may launch (`--limit`), or `null` for the whole fleet. */
  readonly rowsMax: number | null;
  readonly rounds: number;
  readonly workers: number;
  readonly concurrency: number;
  /** `null` = a journal of a dpsload that did not tell. */
  readonly loadShape: (typeof LOAD_SHAPES)[number] | null;
  /** Registrations a second, or `null` where the shape has no steady rate. */
  readonly ratePerSecond: number | null;
  /** Expressions that the run is judged by. */
  readonly thresholds: readonly string[];
  /** Judge thresholds on time also when the load generator was the limit. */
  readonly allowLimited: boolean;
  /** What the allocation policy should do; `null` = not told. */
  readonly allocation: AllocationExpectation | null;
  /** Where the devices are, as the operator calls it; `null` = not told. */
  readonly region: string | null;
  /** Whether the run lists what it leaves behind at the service. */
  readonly listsLeftBehind: boolean;
};

/** Rows released to workers. On disk, and synced, before the first of them is sent. */
export type GrantRecord = {
  readonly kind: 'grant';
  readonly atMs: number;
  readonly round: number;
  /** Launch number of the first row; the others follow densely, in the order of `rows`. */
  readonly sequence: number;
  /** Ranges of rows, first and last inclusive. */
  readonly rows: readonly (readonly [first: number, last: number])[];
};

export type OutcomeRecord = { readonly kind: 'outcome' } & RegistrationOutcome;

/** The state of the load generator, once a second. */
export type SampleRecord = {
  readonly kind: 'sample';
  readonly atMs: number;
  readonly inFlight: number;
  /** Released to workers and not yet settled, in flight included. */
  readonly outstanding: number;
  /** Launches since the last sample. */
  readonly launched: number;
  readonly settled: number;
  readonly throttles: number;
  /** Largest since the last sample; `null` in the closed model. */
  readonly startLagMaxMs: number | null;
  /** Largest delay of an event loop, per worker, since the last sample. */
  readonly loopDelayMaxMs: readonly number[];
  /** Share of one core used by this process since the last sample (2 = two cores busy). */
  readonly cpuShare: number;
  /** The same for the embedded emulator; `null` without one, or where the machine does not tell. */
  readonly emulatorCpuShare: number | null;
  /** Open file descriptors of this process; `null` where the machine does not tell. */
  readonly fileDescriptors: number | null;
  readonly rssBytes: number;
  /** Launches a second that are allowed at this moment; `null` = not bounded. */
  readonly rateAllowedPerSecond: number | null;
  /** Wall clock at 0 of this session's clock from here on, where it has moved against that clock; `null` = as before. */
  readonly epochAtZeroMs: number | null;
};

export const END_REASONS = [
  'completed', // every row of the fleet is settled
  'limit', // --limit, --duration or the last stage ended it
  'interrupted', // SIGINT
  'terminated', // SIGTERM
  'threshold', // one that was to stop the run was broken
  'unreachable', // no device of the run ever connected
  'canary', // a device of the canary was not assigned, and the rest was not started
  'outage', // nothing got through for longer than --outage-max
  'surprises', // more devices than --max-surprises were not what --expect says
  'retry-budget', // too large a share of the register requests had to be repeated
  'failed', // an internal error
] as const;

export type EndReason = (typeof END_REASONS)[number];

/** Last record of a session that closed in order. */
export type EndRecord = {
  readonly kind: 'end';
  readonly atMs: number;
  readonly reason: EndReason;
  /** For people, with the likely cause and the remedy; `null` where the reason says all. */
  readonly message: string | null;
};

export type JournalRecord = SessionRecord | GrantRecord | OutcomeRecord | SampleRecord | EndRecord;
