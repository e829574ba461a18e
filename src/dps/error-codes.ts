/** Error codes observed from the service: HTTP-like status × 1000 + sub-code. */
export const ERROR_CODES = {
  badRequest: 400000,
  customAllocationFailed: 400207,
  noHubLinked: 400208,
  hubRefusedService: 400209,
  unauthorized: 401000,
  invalidCertificate: 401002,
  enrollmentNotFound: 404201,
  operationNotFound: 404203,
  preconditionFailed: 409203,
  throttled: 429001,
  internal: 500000,
} as const;

/** CONNACK return codes of MQTT 3.1.1 §3.2.2.3, with their meaning at this service. */
export const CONNACK = {
  accepted: 0,
  unacceptableProtocolVersion: 1,
  identifierRejected: 2,
  /** Also the answer to an unknown ID scope. */
  serverUnavailable: 3,
  badUserNameOrPassword: 4,
  /** Wrong client ID, or an expired token. */
  notAuthorized: 5,
} as const;
