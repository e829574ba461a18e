/*
 * A custom allocation webhook that simulates the addition of a hub: it spreads new devices over all linked hubs except the
 * last one, and returning devices over all of them. A device's hub depends on its ID alone, so only those devices move that
 * belong to the added hub. For how webhooks are called and answer, see allocation-webhook.mjs.
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

/** Rendezvous hashing: the hub with the highest draw wins; adding a hub moves only its own share. */
function chooseHub({ deviceRuntimeContext, linkedHubs }) {
  const { registrationId, currentIotHubHostName } = deviceRuntimeContext;
  const hubs = currentIotHubHostName === undefined ? linkedHubs.slice(0, -1) : linkedHubs;
  const draw = (hub) => createHash('sha256').update(`${hub}\n${registrationId}`).digest('hex');
  return hubs.reduce((best, hub) => (draw(hub) > draw(best) ? hub : best));
}

const server = createServer(async (request, response) => {
  let text = '';
  for await (const chunk of request) text += chunk;
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ iotHubHostName: chooseHub(JSON.parse(text)) }));
});

server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${server.address().port}/` })}\n`);
});

process.stdin.on('end', () => process.exit(0)).resume();
