import { parseObject } from '../../dps/json-object.ts';
import { OperatorError } from '../../problem/operator-error.ts';
import { parseDuration, printDuration } from '../../time/duration.ts';
import { type Asked, type Route, read, send, sendError, write } from './control-route.ts';

/*
 * GET   /health    whether it serves, its version, instances and open connections
 * POST  /reset     forgets records, operations, counters and faults; enrollments go back to the configuration
 * POST  /advance   {"duration":"20m"}: puts the service's time forward
 * PATCH /config    parts of a configuration file, without what names files and variables
 */
export const RUNNING_ROUTES: readonly Route[] = [
  read('GET', '/health', sendHealth),
  write('POST', '/reset', reset),
  write('POST', '/advance', advance),
  write('PATCH', '/config', changeConfig),
];

function sendHealth({ response, source: { service, openSessions, version } }: Asked): void {
  const instances = [...service.instances].map(({ idScope }) => idScope);
  send(response, 200, { ready: true, version, instances, openConnections: openSessions.size });
}

function reset({ response, source: { controls, log } }: Asked): void {
  controls.reset();
  log('reset: records, operations, counters, faults and conversations are forgotten');
  response.writeHead(204).end();
}

function advance(asked: Asked, body: string): void {
  const duration = parseObject(body)?.['duration'];
  const durationMs = typeof duration === 'string' ? parseDuration(duration) : null;
  if (durationMs === null) {
    sendError(asked, 400_000, 'duration must be a duration such as 500ms, 30s or 20m.');
    return;
  }
  asked.source.controls.advance(durationMs);
  asked.source.log(`the time of the service was put forward by ${printDuration(durationMs)}`);
  asked.response.writeHead(204).end();
}

async function changeConfig(asked: Asked, body: string): Promise<void> {
  try {
    send(asked.response, 200, { changed: await asked.source.controls.change(body) });
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    sendError(asked, 400_000, error.message);
  }
}
