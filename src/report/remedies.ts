import type { ConnectionFailureCode } from '../conversation/connection-failure.ts';
import { ERROR_CODES } from '../dps/error-codes.ts';

const CONNECTION_REMEDIES: Readonly<Record<ConnectionFailureCode, string>> = {
  dns: 'Check the host name and the name server',
  'tcp-refused': 'Check host and port, and that the target is running',
  'tcp-timeout': 'Check firewall and proxy: outgoing TCP to the target must be allowed',
  'tcp-reset': 'Check firewall and proxy, and lower the concurrency',
  'tcp-failed': 'Check the network, the free local ports and the limit of open files (ulimit -n)',
  'tls-host-name': 'Name the host as its certificate does',
  'tls-unknown-ca': 'Give the CA that signed the certificate of the target with --ca',
  'tls-expired': 'Check the clock of this machine, then renew the certificate of the target',
  'client-certificate':
    'Give the device a certificate with the key that belongs to it, both PEM, the key not encrypted',
  'tls-failed':
    'Check that the port speaks TLS, in a version that --tls-min and --tls-max allow, and that no proxy changes the traffic',
  'websocket-refused': 'Check host and port, and the proxy on the way; MQTT over WebSocket is on port 443',
  'connack-1': 'Check that the target speaks MQTT 3.1.1',
  'connack-2': 'Check the registration ID: the service refuses it as client ID',
  'connack-3': 'Check the ID scope: an unknown one is answered like this; else the service is overloaded',
  'connack-4': 'Check ID scope, API version, and the device key or the group key',
  'connack-5': 'Check the clock of this machine and the key: the token is expired or for another device',
  'suback-refused': 'Check that the target is a Device Provisioning Service',
  closed: 'Lower the rate; the service hangs up when it is overloaded',
  'protocol-error': 'Check that the port speaks MQTT',
};

const SERVICE_REMEDIES: Readonly<Record<keyof typeof ERROR_CODES, string>> = {
  badRequest: 'Check the payload column: the service cannot read the request',
  customAllocationFailed: 'Look into the log of the allocation webhook: it failed or answered with an error',
  noHubLinked: 'Link an IoT hub to the service or the enrollment',
  hubRefusedService: 'Renew the connection string of the linked hub: it refuses the service',
  unauthorized: 'Check the device key or group key, and that it belongs to the enrollment of this device',
  invalidCertificate:
    'Check that the certificate has not expired and its chain leads to a CA of the enrollment; dpsload check shows it',
  enrollmentNotFound: 'Create an enrollment for this device or its group, and check the ID scope',
  operationNotFound: 'Try again: the service forgot the operation before it was polled',
  preconditionFailed: 'Try again: the same ID was registered twice at the same time',
  throttled: 'Lower the rate: the service allows 1,000 registrations a minute by default',
  internal: 'Try again later; report the tracking ID to Azure support if it lasts',
};

const CLIENT_REMEDIES: Readonly<Record<string, string>> = {
  'certificate-unreadable': 'Check the files of the device: certificate and key, both PEM',
  'certificate-mismatch': 'Give the device its own certificate: the common name must be the registration ID',
  'no-connack': 'Lower the concurrency, or check that the port speaks MQTT',
  'no-suback': 'Lower the concurrency; the target accepted the connection and then fell silent',
  'no-answer': 'Lower the rate or raise the limits; the service did not answer in time',
  deadline: 'Raise --deadline, or lower the rate',
  'polls-exhausted': 'Check the linked hub: the service never finished the assignment',
  'malformed-answer': 'Check that the target is a Device Provisioning Service',
  'status-disabled': 'Enable the enrollment of the device',
  'status-failed': 'Check the linked hub and the allocation policy of the enrollment',
};

const SERVICE_REMEDIES_BY_CODE = new Map(
  Object.entries(ERROR_CODES).map(([name, code]) => [String(code), SERVICE_REMEDIES[name as keyof typeof ERROR_CODES]]),
);

/** Of service codes that nobody has seen: the HTTP-like status says what can be done (code = status × 1000 + sub-code). */
const REMEDIES_BY_STATUS: Readonly<Record<string, string>> = {
  '400': SERVICE_REMEDIES.badRequest,
  '401': SERVICE_REMEDIES.unauthorized,
  '403': SERVICE_REMEDIES.unauthorized,
  '404': SERVICE_REMEDIES.enrollmentNotFound,
  '409': SERVICE_REMEDIES.preconditionFailed,
  '429': SERVICE_REMEDIES.throttled,
  '500': SERVICE_REMEDIES.internal,
};

/** What to do about an error code of a registration, an imperative sentence without a full stop; `null` when nobody knows. */
export function remedyFor(errorCode: string): string | null {
  const own: Readonly<Record<string, string>> = { ...CONNECTION_REMEDIES, ...CLIENT_REMEDIES };
  if (Object.hasOwn(own, errorCode)) return own[errorCode] ?? null;
  if (!/^\d{3,}$/.test(errorCode)) return null;
  return SERVICE_REMEDIES_BY_CODE.get(errorCode) ?? REMEDIES_BY_STATUS[errorCode.slice(0, 3)] ?? null;
}
