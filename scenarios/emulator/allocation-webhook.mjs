/*
 * A template for a custom allocation webhook: it assigns each device to the hub of the site that its payload names.
 *
 * The service POSTs the device's data and the hubs to choose from:
 *   { "enrollmentGroup": { "enrollmentGroupId": … },
 *     "deviceRuntimeContext": { "registrationId": "pump-0001", "payload": { "site": "north" },
 *                               "currentIotHubHostName": … (only if the device was registered before) },
 *     "linkedHubs": ["hub-north.azure-devices.net", …] }
 * and expects { "iotHubHostName": one of linkedHubs, "payload": optional, passed to the device }.
 * Any status other than 2xx fails the registration with 400207, "Custom allocation failed with status code: …".
 *
 * To run it on its own: PORT=7071 node allocation-webhook.mjs
 * For a real instance, put chooseHub into an Azure Function with an HTTP trigger; put its URL, with its key, into the enrollment.
 */
import { createServer } from 'node:http';

/** @returns The answer, or `null` when no hub matches the device. */
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

// Loopback only: nobody else should be able to call the webhook.
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  // The emulator reads the address from this line.
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${server.address().port}/` })}\n`);
});

// When started by the emulator, end with it.
if (process.env.PORT === undefined) process.stdin.on('end', () => process.exit(0)).resume();
