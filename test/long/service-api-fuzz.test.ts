import { Agent, request as httpsRequest } from 'node:https';
import { connect } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { signedToken } from '../../src/dps/sas-token.ts';
import type { Emulator } from '../../src/emulator/emulator.ts';
import { startEmulator } from '../../src/emulator/start-emulator.ts';
import { type ApiTarget, type HostileRequest, hostileRequest } from '../fuzz/hostile-requests.ts';
import { SeededRandom } from '../fuzz/seeded-random.ts';
import { emulatedInstance } from '../support/emulated-instance.ts';
import { heapMegabytes } from '../support/heap.ts';
import { connectionOf } from '../support/service-sdk.ts';

const REQUESTS = 50_000;
const ROUND = 500;
const CONNECTIONS = 8;
const HEAP_GROWTH_MAX_MB = 30;

const seed = Date.now();
const random = new SeededRandom(seed);
const logged: string[] = [];
let emulator: Emulator;
let agent: Agent;

beforeAll(async () => {
  const log = (line: string) => logged.push(line);
  emulator = await startEmulator({ servicePort: 0, instances: [emulatedInstance()], serverKeys: 'ecdsa', log });
  agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS, ca: emulator.caPem });
});
afterAll(async () => {
  agent.destroy();
  await emulator.close();
});

function target(): ApiTarget {
  const { policyName, key } = connectionOf(emulator);
  return { host: emulatedInstance().serviceHostName, policyName, key, nowEpochSeconds: Date.now() / 1000 };
}

/** All enrollments, with their etags. */
async function everything(): Promise<string> {
  const { host, key, policyName } = target();
  const headers = { host, authorization: signedToken(host, key, 4_000_000_000, policyName) };
  const query = { method: 'POST', headers, body: '{"query":"*"}', isSigned: true };
  const collections = ['enrollments', 'enrollmentGroups'];
  const answers = await Promise.all(
    collections.map((name) => send({ ...query, target: `/${name}/query?api-version=2021-10-01` })),
  );
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  return answers.map(({ text }) => text).join();
}

/** Sends one request; its status and its text. */
function send(request: HostileRequest): Promise<{ status: number; text: string; request: HostileRequest }> {
  const { method, target: path, headers, body } = request;
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      servername: 'localhost',
      port: emulator.servicePort,
      agent,
      method,
      path,
      headers,
    };
    const sent = httpsRequest(
      { ...options, headers: { ...headers, 'content-length': Buffer.byteLength(body) } },
      async (answer) => {
        let text = '';
        for await (const chunk of answer) text += chunk;
        resolve({ status: answer.statusCode ?? 0, text, request });
      },
    );
    sent.on('error', reject).end(body);
  });
}

/** Writes bytes that are no HTTP request, or one cut short; resolves when the connection has ended. */
function sendBytes(): Promise<void> {
  const begin = random.pick([
    '',
    'GET / HTTP/1.1\r\nhost: x\r\n',
    'PUT /enrollments/a HTTP/1.1\r\ncontent-length: 9\r\n\r\n{',
    'CONNECT x HTTP/1.1\r\n\r\n',
  ]);
  const socket = connect({
    host: '127.0.0.1',
    port: emulator.servicePort ?? 0,
    ca: emulator.caPem,
    servername: 'localhost',
  });
  socket.on('error', () => {}).resume();
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.once('secureConnect', () => socket.end(Buffer.concat([Buffer.from(begin), random.bytes(random.below(300))])));
  return closed;
}

it(`${REQUESTS} hostile requests (seed ${seed}) break nothing, leak nothing, and change nothing without the right signature`, async () => {
  const statuses: Record<number, number> = {};
  const round = async (isSigned: boolean) => {
    const answers = await Promise.all(
      Array.from({ length: ROUND }, () => send(hostileRequest(random, target(), isSigned))),
    );
    for (const { status, text, request } of answers) {
      statuses[status] = (statuses[status] ?? 0) + 1;
      expect(status, JSON.stringify(request)).toBeLessThan(500);
      if (isSigned) continue;
      expect([400, 401], JSON.stringify(request)).toContain(status);
      expect(text).not.toMatch(/Key"|attestation/);
    }
  };
  await round(true);
  const heapBefore = heapMegabytes();
  for (let sent = ROUND; sent < REQUESTS; sent += 2 * ROUND) {
    await round(true);
    const before = await everything();
    await round(false);
    expect(await everything()).toBe(before);
    await Promise.all(Array.from({ length: 5 }, sendBytes));
    logged.length = 0;
  }
  expect(heapMegabytes() - heapBefore).toBeLessThan(HEAP_GROWTH_MAX_MB);
  for (const status of [200, 204, 400, 401, 404, 405, 409, 412, 415]) expect(statuses[status] ?? 0).toBeGreaterThan(50);
});
