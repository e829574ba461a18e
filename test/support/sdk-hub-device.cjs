// Microsoft's Node SDKs from the enrollment to the hub: registers with azure-iot-provisioning-device-mqtt, then connects to the assigned
// hub with azure-iot-device-mqtt, sends a message, reads its twin and reports a property: one device for each message from the parent. A process of
// its own, since the SDK takes extra roots only from NODE_EXTRA_CA_CERTS.
const dns = require('node:dns');
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const { Mqtt: ProvisioningMqtt } = require('azure-iot-provisioning-device-mqtt');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { X509Security } = require('azure-iot-security-x509');
const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');

const lookUp = dns.lookup;

/** As an entry in the hosts file would do it: names of hubs lead to this address, and all else stays. */
function resolveHubsTo(address) {
  dns.lookup = (name, options, callback) =>
    lookUp(name.endsWith('.azure-devices.net') ? address : name, options, callback);
}

function clientOf({ assignedHub, deviceId }, { hubKey, certificate, gateway }) {
  const identity = `HostName=${assignedHub};DeviceId=${deviceId}`;
  if (certificate) {
    const client = Client.fromConnectionString(`${identity};x509=true`, Mqtt);
    client.setOptions(certificate);
    return client;
  }
  return Client.fromConnectionString(`${identity};SharedAccessKey=${hubKey};GatewayHostName=${gateway}`, Mqtt);
}

async function journey(task) {
  const { host, idScope, registrationId, key, certificate } = task;
  const security = certificate
    ? new X509Security(registrationId, certificate)
    : new SymmetricKeySecurityClient(registrationId, key);
  const provisioning = ProvisioningDeviceClient.create(host, idScope, new ProvisioningMqtt(), security);
  const assigned = await provisioning.register();
  if (task.hubAddress) resolveHubsTo(task.hubAddress);
  const client = clientOf(assigned, task);
  client.setRetryPolicy({ shouldRetry: () => false, nextRetryTimeout: () => 0 });
  await client.open();
  const twin = await client.getTwin();
  const desired = { ...twin.properties.desired };
  // Subscribes; by the answers to what follows, the hub has granted it.
  const changed = new Promise((resolve) => {
    twin.on('properties.desired.interval', (interval) => {
      if (interval !== desired.interval) resolve(interval);
    });
  });
  const message = new Message('{"t":21.5}');
  message.properties.add('room', 'a b');
  await client.sendEvent(message);
  await new Promise((resolve, reject) =>
    twin.properties.reported.update({ fw: '1.2' }, (error) => (error ? reject(error) : resolve())),
  );
  process.send({ registrationId, assigned, desired });
  const interval = await changed;
  await client.close();
  return { interval };
}

process.on('message', (task) => {
  const { registrationId } = task;
  journey(task).then(
    (result) => process.send({ registrationId, ...result }),
    (error) => process.send({ registrationId, error: error.name, message: error.message }),
  );
});
process.on('disconnect', () => process.exit());
