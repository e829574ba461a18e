/*
 * A custom allocation webhook, to copy: it sends each device to the hub of the site that its payload names.
 *
 * The service POSTs what it knows of the device, and the hubs to choose from:
 *   { "enrollmentGroup": { "enrollmentGroupId": … },
 *     "deviceRuntimeContext": { "registrationId": "pump-0001", "payload": { "site": "north" },
 *                               "currentIotHubHostName": … (only of a device that was registered before) },
 *     "linkedHubs": ["hub-north.azure-devices.net", …] }
 * and takes { "iotHubHostName": one of linkedHubs, "payload": optional, handed to the device }.
 * Any status but 2xx fails the registration: 400207, "Custom allocation failed with status code: …".
 *
 * Run it alone with: PORT=7071 node allocation-webhook.mjs
 * For a real instance, put chooseHub into an Azure Function with an HTTP trigger; name its URL, with its key, in the enrollment.
 */
import { createServer } from 'node:http';

/** @returns the answer, or `null` for a device that no hub is meant for */
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

// Loopback: whoever reaches a webhook decides where devices go.
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  // The emulator reads where it listens from this line.
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${server.address().port}/` })}\n`);
});

// Started by the emulator, it ends with it.
if (process.env.PORT === undefined) process.stdin.on('end', () => process.exit(0)).resume();
