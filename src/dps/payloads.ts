import { isJsonObject, type JsonObject } from './json-object.ts';

/*
 * register  {"registrationId":"dev-0001","payload":{…}}
 * accepted  202  {"operationId":"5.…","status":"assigning"}
 * final     200  {"operationId":"5.…","status":"assigned","registrationState":{…}}
 * error     4xx  {"errorCode":401000,"trackingId":"…","message":"Unauthorized","timestampUtc":"…"}
 */

export type OperationState = 'unassigned' | 'assigning' | 'assigned' | 'failed' | 'disabled';

export type Substatus =
  | 'initialAssignment'
  | 'deviceDataMigrated'
  | 'deviceDataReset'
  | 'reprovisionedToInitialAssignment';

/** The device's registration record as the service returns it to the device. Members in the order of captured answers. */
export type RegistrationStateBody = {
  readonly x509?: object;
  readonly symmetricKey?: object;
  readonly registrationId: string;
  readonly createdDateTimeUtc?: string;
  readonly assignedHub?: string;
  readonly deviceId?: string;
  readonly status: OperationState;
  readonly substatus?: Substatus;
  readonly errorCode?: number;
  readonly errorMessage?: string;
  readonly lastUpdatedDateTimeUtc?: string;
  readonly etag?: string;
  readonly payload?: unknown;
};

export type OperationStatus = {
  readonly operationId: string;
  readonly status: OperationState;
  readonly registrationState?: RegistrationStateBody;
};

export type ErrorBody = {
  /** HTTP status × 1000 + sub-code. */
  readonly errorCode: number;
  readonly trackingId: string;
  readonly message: string;
  readonly timestampUtc: string;
};

/** The body of a register request. `payloadJson` is the device's custom data as JSON text, or `null`. */
export function registerBody(registrationId: string, payloadJson: string | null): string {
  const id = JSON.stringify(registrationId);
  return payloadJson === null ? `{"registrationId":${id}}` : `{"registrationId":${id},"payload":${payloadJson}}`;
}

/** The members of an answer's body that a client uses; `null` if missing or of the wrong type. */
export type AnswerBody = {
  readonly operationId: string | null;
  readonly status: string | null;
  readonly assignedHub: string | null;
  readonly deviceId: string | null;
  readonly substatus: string | null;
  readonly createdDateTimeUtc: string | null;
  readonly lastUpdatedDateTimeUtc: string | null;
  /** From the error body, or from the registration state of a failed operation. */
  readonly errorCode: number | null;
  readonly errorMessage: string | null;
  readonly trackingId: string | null;
  /** What the allocation webhook returned for the device, as JSON text. */
  readonly payloadJson: string | null;
};

/** Parses any answer of the service, including errors. `null` if it is not a JSON object, or nested too deeply to come from the service. */
export function parseAnswerBody(text: string): AnswerBody | null {
  try {
    const body = asObject(JSON.parse(text));
    return body === null ? null : answerBody(body);
  } catch {
    // Possibly a RangeError: JSON.parse accepts nesting of any depth, but JSON.stringify is limited by the stack.
    return null;
  }
}

function answerBody(body: Readonly<Record<string, unknown>>): AnswerBody {
  const state = asObject(body['registrationState']) ?? {};
  return {
    operationId: asString(body['operationId']),
    status: asString(body['status']),
    assignedHub: asString(state['assignedHub']),
    deviceId: asString(state['deviceId']),
    substatus: asString(state['substatus']),
    createdDateTimeUtc: asString(state['createdDateTimeUtc']),
    lastUpdatedDateTimeUtc: asString(state['lastUpdatedDateTimeUtc']),
    errorCode: asNumber(body['errorCode']) ?? asNumber(state['errorCode']),
    errorMessage: asString(body['message']) ?? asString(state['errorMessage']),
    trackingId: asString(body['trackingId']),
    payloadJson: state['payload'] === undefined || state['payload'] === null ? null : JSON.stringify(state['payload']),
  };
}

function asObject(value: unknown): JsonObject | null {
  return isJsonObject(value) ? value : null;
}

function asString(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function asNumber(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/**
 * Observed: `{digit}.{16 hex}.{GUID}`, 55 characters; opaque. Text with characters that an MQTT topic's query cannot contain raw (`& # + /`,
 * blanks, NUL) is not an operation ID; 512 characters leave room for other forms.
 */
const OPERATION_ID = /^[A-Za-z0-9._:~-]{1,512}$/;

/** Returns whether `text` can be polled as an operation ID. */
export function isOperationId(text: string | null): text is string {
  return text !== null && OPERATION_ID.test(text);
}
