// Registers one device with Microsoft's Node SDK. Run as a process of its own, since the SDK takes extra roots only from
// NODE_EXTRA_CA_CERTS. Reads its task from the environment variable TASK; prints the result as one JSON line.
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const { Mqtt, MqttWs } = require('azure-iot-provisioning-device-mqtt');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { X509Security } = require('azure-iot-security-x509');

const { host, websocketPort, idScope, registrationId, key, certificate, payload } = JSON.parse(process.env.TASK);
const security = certificate
  ? new X509Security(registrationId, certificate)
  : new SymmetricKeySecurityClient(registrationId, key);
const transport = websocketPort ? new MqttWs() : new Mqtt();
// The SDK fixes the port to 443; all else of its address stays.
if (websocketPort) transport._getConnectionUri = () => `wss://localhost:${websocketPort}/$iothub/websocket`;
const client = ProvisioningDeviceClient.create(host, idScope, transport, security);
if (payload !== undefined) client.setProvisioningPayload(payload);
client.register((error, result) => {
  const answer = error ? { error: error.name, message: error.message } : { result };
  process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit(0));
});
