/*
 * A custom allocation webhook to copy: it sends each device to the hub of the site named in its payload.
 *
 * The service POSTs what it knows about the device, and the hubs to choose from:
 *   { "enrollmentGroup": { "enrollmentGroupId": … },
 *     "deviceRuntimeContext": { "registrationId": "pump-0001", "payload": { "site": "north" },
 *                               "currentIotHubHostName": … (only for a device that was registered before) },
 *     "linkedHubs": ["hub-north.azure-devices.net", …] }
 * and expects { "iotHubHostName": one of linkedHubs, "payload": optional, passed to the device }.
 * Any status other than 2xx fails the registration: 400207, "Custom allocation failed with status code: …".
 *
 * To run it on its own: PORT=7071 node allocation-webhook.mjs
 * For a real instance, put chooseHub into an Azure Function with an HTTP trigger, and give its URL, including its key, in the enrollment.
 */
import { createServer } from 'node:http';

/** @returns the answer; `null` = there is no hub for this device */
function chooseHub({ deviceRuntimeContext, linkedHubs }) {
  const { site } = deviceRuntimeContext.payload ?? {};
  const hub = linkedHubs.find((name) => name.startsWith(`hub-${site}.`));
  return hub === undefined ? null : { iotHubHostName: hub, payload: { site, assignedBy: 'allocation-webhook' } };
}

const server = createServer(async (request, response) => {
  const answer = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  try {
    let text = '';
    for await (const chunk of request) text += chunk;
    const chosen = chooseHub(JSON.parse(text));
    if (chosen === null) answer(400, { error: 'no hub for this site' });
    else answer(200, chosen);
  } catch (error) {
    answer(500, { error: String(error) });
  }
});

// Loopback only: anyone who can reach a webhook decides where devices go.
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  // This line tells the emulator where to call.
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${server.address().port}/` })}\n`);
});

// When started by the emulator, exit with it.
if (process.env.PORT === undefined) process.stdin.on('end', () => process.exit(0)).resume();
