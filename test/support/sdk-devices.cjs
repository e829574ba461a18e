// Registers devices with Microsoft's Node SDK: one for each message from the parent. A process of its own, since the SDK
// takes extra roots only from NODE_EXTRA_CA_CERTS.
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const { Mqtt, MqttWs } = require('azure-iot-provisioning-device-mqtt');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { X509Security } = require('azure-iot-security-x509');

process.on('message', ({ task, host, websocketPort, idScope, registrationId, key, certificate, payload }) => {
  const security = certificate
    ? new X509Security(registrationId, certificate)
    : new SymmetricKeySecurityClient(registrationId, key);
  const transport = websocketPort ? new MqttWs() : new Mqtt();
  // The SDK fixes the port to 443; all else of its address stays.
  if (websocketPort) transport._getConnectionUri = () => `wss://localhost:${websocketPort}/$iothub/websocket`;
  const client = ProvisioningDeviceClient.create(host, idScope, transport, security);
  if (payload !== undefined) client.setProvisioningPayload(payload);
  client.register((error, result) => {
    process.send({ task, ...(error ? { error: error.name, message: error.message } : { result }) });
  });
});
process.on('disconnect', () => process.exit());
