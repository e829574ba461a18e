import type { Substatus } from '../../dps/payloads.ts';
import type { Enrollment } from './dps-instance.ts';

/** Why an operation ended as failed. */
export type AssignmentFailure = { readonly errorCode: number; readonly errorMessage: string };

/** How the assignment of one register request ends: with a hub, or with a failure. */
export type AssignmentResult =
  | {
      readonly hub: string;
      readonly substatus: Substatus;
      readonly failure: null;
      /** What the allocation webhook returned for the device; absent = nothing. */
      readonly payload?: unknown;
      /** What the allocation webhook returned for the device's twin; absent = the enrollment's. */
      readonly initialTwin?: object;
    }
  | { readonly hub: null; readonly substatus: null; readonly failure: AssignmentFailure };

/** What one register request leads to. With a webhook it is settled later than the request is accepted. */
export type Assignment = {
  /** `null` until it is decided. */
  result: AssignmentResult | null;
  /** Milliseconds since 1970: `assigning` before, `result` from then on; infinite = never, or not yet known. */
  readyAtMs: number;
};

/** What the instance knows of one registration ID. There may be a million of them. */
export type RegistrationRecord = {
  /** As the device wrote it first. */
  readonly registrationId: string;
  readonly createdAtMs: number;
  /** When the last register request was accepted. */
  registeredAtMs: number;
  enrollment: Enrollment;
  /** Of the last accepted register request. */
  assignment: Assignment;
  /** The hub of the last assignment that did not fail; `null` = none so far. */
  hub: string | null;
  /** With which the hub made the device's twin; `null` = an empty one. */
  initialTwin: object | null;
  /** Register requests accepted. */
  registers: number;
};

/** The device's ID at its hub. */
export function deviceIdOf({ registrationId, enrollment }: RegistrationRecord): string {
  return (enrollment.kind === 'individual' ? enrollment.deviceId : null) ?? registrationId;
}
