import type { ConnectionFailureCode } from '../conversation/connection-failure.ts';
import { ERROR_CODES } from '../dps/error-codes.ts';
import type { HubCheckFailure } from '../hub/hub-check.ts';

const CONNECTION_REMEDIES: Readonly<Record<ConnectionFailureCode, string>> = {
  dns: 'Check the spelling of the host name and the DNS settings of this machine',
  'tcp-refused': 'Check the host and port, and that the target is running',
  'tcp-timeout':
    'Check the host and port, the firewall and the proxy: they must allow outgoing TCP connections to the target',
  'tcp-reset': 'Check the firewall and the proxy, and lower the concurrency',
  'tcp-failed': 'Check the network, the free local ports and the open-file limit (ulimit -n)',
  'tls-host-name': 'Use a host name that the certificate of the target contains',
  'tls-unknown-ca': 'Pass the CA that signed the certificate of the target with --ca',
  'tls-expired': 'Check the clock of this machine, then renew the certificate of the target',
  'client-certificate': 'Give the device a certificate and its matching key, both PEM, with the key unencrypted',
  'tls-failed':
    'Check that the port speaks TLS in a version allowed by --tls-min and --tls-max, and that no proxy alters the traffic',
  'websocket-refused': 'Check the host, the port and any proxy in between; MQTT over WebSocket uses port 443',
  'connack-1': 'Check that the target speaks MQTT 3.1.1',
  'connack-2': 'Check the registration ID: the service rejects it as an MQTT client ID',
  'connack-3': 'Check the ID scope: the service answers an unknown one like this; otherwise it is overloaded',
  'connack-4': 'Check the ID scope, the API version, and the device key or group key',
  'connack-5': 'Check the clock of this machine and the key: the token has expired or belongs to another device',
  'suback-refused': 'Check that the target is a Device Provisioning Service',
  closed: 'Lower the rate: the service closes connections when overloaded',
  'protocol-error': 'Check that the port speaks MQTT',
};

const SERVICE_REMEDIES: Readonly<Record<keyof typeof ERROR_CODES, string>> = {
  badRequest: 'Check the payload column: the service cannot parse the request',
  customAllocationFailed: 'Check the log of the allocation webhook: it failed or returned an error',
  noHubLinked: 'Link an IoT hub to the DPS instance or the enrollment',
  hubRefusedService: 'Renew the connection string of the linked hub: the hub rejects the service',
  unauthorized: 'Check that the device key or group key belongs to the enrollment of this device',
  invalidCertificate:
    'Check that the certificate has not expired and chains to a CA of the enrollment; dpsload check examines both',
  enrollmentNotFound: 'Create an enrollment for this device or its group, and check the ID scope',
  operationNotFound: 'Try again: the service dropped the operation before it was polled',
  preconditionFailed: 'Try again: the same registration ID was registered twice at the same time',
  throttled: 'Lower the rate: the service allows 1,000 registrations a minute by default',
  internal: 'Try again later; if the error persists, report the tracking ID to Azure support',
};

const CLIENT_REMEDIES: Readonly<Record<string, string>> = {
  'certificate-unreadable': 'Check the certificate and key files of the device; both must be PEM',
  'certificate-mismatch': 'Give the device its own certificate: its common name must be the registration ID',
  'no-connack': 'Lower the concurrency, or check that the port speaks MQTT',
  'no-suback': 'Lower the concurrency: the target accepted the connection and then stopped responding',
  'no-answer': 'Lower the rate or raise the timeouts: the service did not respond in time',
  deadline: 'Raise --deadline, or lower the rate',
  'polls-exhausted': 'Check the linked hub: the service never finished the assignment',
  'malformed-answer': 'Check that the target is a Device Provisioning Service',
  'status-disabled': 'Enable the enrollment of the device',
  'status-failed': 'Check the linked hub and the allocation policy of the enrollment',
};

const HUB_REMEDIES: Readonly<Record<HubCheckFailure, string>> = {
  'hub-refused':
    'Look the device up at the hub (az iot hub device-identity show): it is unknown or disabled there, or its key or certificate is another one',
  'hub-unavailable': 'Try again later with dpsload hub-check; if it persists, look at the status of the hub',
  'hub-protocol': 'Check that the hub, and not a proxy or another server, answers at its name',
  'hub-name': 'Check that the hub still exists, and the DNS settings of this machine: its name has no address',
  'hub-unreachable':
    'Check the firewall, and the network rules of the hub: port 8883, or 443 with --transport websocket',
  'hub-certificate':
    'Check that no proxy intercepts TLS, and the clock of this machine; name the CA of an emulator with --ca',
  'hub-tls': 'Check --tls-min and --tls-max, and that no proxy alters the traffic; some hubs demand TLS 1.2 or newer',
  'hub-closed': 'Lower hubCheck.connectionsPerSecond, or add units to the hub: it closes connections when it throttles',
  'hub-late': 'Lower hubCheck.connectionsPerSecond, or add units to the hub: it answers late when it throttles',
  'hub-no-answer': 'Lower hubCheck.connectionsPerSecond, and check the daily message quota of the hub',
  'hub-throttled': 'Lower hubCheck.connectionsPerSecond, or add units to the hub: it throttles reads of twins',
  'hub-twin': 'Look at the twin of the device in the portal of the hub, then try again with dpsload hub-check',
  'hub-not-allowed':
    'Check the linked hubs of the DPS instance; if the name is right, add its ending to hubCheck.allowedHosts, or say with --hub-connect-to where the hub is',
  'hub-credentials': 'Check the certificate and key files of the device; both must be PEM',
};

const SERVICE_REMEDIES_BY_CODE = new Map(
  Object.entries(ERROR_CODES).map(([name, code]) => [String(code), SERVICE_REMEDIES[name as keyof typeof ERROR_CODES]]),
);

const OWN_REMEDIES = new Map<string, string>(
  Object.entries({ ...CONNECTION_REMEDIES, ...CLIENT_REMEDIES, ...HUB_REMEDIES }),
);

/** For unknown service codes: code = status × 1000 + sub-code, with an HTTP-like status. */
const REMEDIES_BY_STATUS: Readonly<Record<string, string>> = {
  '400': SERVICE_REMEDIES.badRequest,
  '401': SERVICE_REMEDIES.unauthorized,
  '403': SERVICE_REMEDIES.unauthorized,
  '404': SERVICE_REMEDIES.enrollmentNotFound,
  '409': SERVICE_REMEDIES.preconditionFailed,
  '429': SERVICE_REMEDIES.throttled,
  '500': SERVICE_REMEDIES.internal,
};

/** The remedy for an error code of a registration or a hub check, an imperative sentence without a full stop; `null` = unknown. */
export function remedyFor(errorCode: string): string | null {
  const known = OWN_REMEDIES.get(errorCode) ?? SERVICE_REMEDIES_BY_CODE.get(errorCode);
  if (known !== undefined) return known;
  return /^\d{3,}$/.test(errorCode) ? (REMEDIES_BY_STATUS[errorCode.slice(0, 3)] ?? null) : null;
}
