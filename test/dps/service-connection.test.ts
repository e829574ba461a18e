import { expect, it } from 'vitest';
import { signedToken } from '../../src/dps/sas-token.ts';
import { parseServiceConnection, printServiceConnection, serviceEndpoint } from '../../src/dps/service-connection.ts';
import { SERVICE_CONNECTION } from '../support/emulated-service-api.ts';

it('reads what it prints, in any order, and with a port', () => {
  expect(parseServiceConnection(printServiceConnection(SERVICE_CONNECTION))).toEqual(SERVICE_CONNECTION);
  const text = `SharedAccessKey=${SERVICE_CONNECTION.key};HostName=Localhost:8443;SharedAccessKeyName=p;\n`;
  const connection = parseServiceConnection(text);
  if (typeof connection === 'string') expect.unreachable(connection);
  expect(serviceEndpoint(connection)).toEqual({ host: 'localhost', port: 8_443 });
  expect(serviceEndpoint(SERVICE_CONNECTION).port).toBe(443);
});

it.each([
  ['', 'has no HostName, no SharedAccessKeyName, no SharedAccessKey'],
  ['HostName=h;SharedAccessKeyName=p', 'has no SharedAccessKey'],
  ['HostName=a b;SharedAccessKeyName=p;SharedAccessKey=AAAA', 'has a HostName that is not a host name'],
  ['HostName=h;SharedAccessKeyName=p;SharedAccessKey=secret!', 'has a SharedAccessKey that is not base64'],
  ['HostName=hub.azure-devices.net;SharedAccessKeyName=p;SharedAccessKey=AAAA', 'is that of an IoT hub'],
  [
    'HostName=global.azure-devices-provisioning.net;SharedAccessKeyName=p;SharedAccessKey=AAAA',
    'names the global host, which has no service API',
  ],
])('says what is wrong with %j, without quoting it', (text, reason) => {
  expect(parseServiceConnection(text)).toBe(reason);
});

// Computed with another program: fact sheet 2, section 4.1.
it('signs as the service expects', () => {
  const { hostName, key, policyName } = SERVICE_CONNECTION;
  expect(signedToken(hostName, key, 1_900_000_000, policyName)).toBe(
    'SharedAccessSignature sr=contoso-dps.azure-devices-provisioning.net&sig=BaeQFL2lir1YFnRzK88VbdiEfEyCk3cWXfoNEMKV14I%3D&se=1900000000&skn=provisioningserviceowner',
  );
});
