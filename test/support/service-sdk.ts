import { createRequire } from 'node:module';
import type { ProvisioningServiceClient } from 'azure-iot-provisioning-service';
import { parseServiceConnection, type ServiceConnection } from '../../src/dps/service-connection.ts';
import type { Emulator } from '../../src/emulator/emulator.ts';

// The packages that the SDK itself uses.
const fromSdk = createRequire(createRequire(import.meta.url).resolve('azure-iot-provisioning-service'));
const { Http, RestApiClient } = fromSdk('azure-iot-http-base');
const { SharedAccessSignature } = fromSdk('azure-iot-common');

/** The SDK always connects to port 443; all else of its requests stays. */
class HttpAtPort extends Http {
  readonly #port: number;

  constructor(port: number) {
    super();
    this.#port = port;
  }

  buildRequest(...parts: readonly unknown[]): unknown {
    const [method, path, headers, host] = parts;
    return super.buildRequest(method, path, headers, host, { port: this.#port }, parts.at(-1));
  }
}

export function connectionOf({ serviceConnectionString }: Emulator): ServiceConnection {
  const connection = parseServiceConnection(serviceConnectionString ?? '');
  if (typeof connection === 'string') throw new Error(connection);
  return connection;
}

/** Microsoft's Node SDK for the service API, connected to the emulator. It takes a while to load. */
export async function serviceSdk(emulator: Emulator): Promise<ProvisioningServiceClient> {
  const { ProvisioningServiceClient: Client } = await import('azure-iot-provisioning-service');
  const { policyName, key } = connectionOf(emulator);
  const config = {
    host: 'localhost',
    sharedAccessSignature: SharedAccessSignature.create('localhost', policyName, key, Date.now()),
  };
  const rest = new RestApiClient(
    config,
    'azure-iot-provisioning-service/test',
    new HttpAtPort(emulator.servicePort ?? 0),
  );
  rest.setOptions({ ca: emulator.caPem });
  return new Client(config as never, rest);
}
