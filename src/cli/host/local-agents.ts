import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { delimiter, join } from 'node:path';
import { packageFile } from '../../files/package-files.ts';
import { OperatorError, problem } from '../../problem/operator-error.ts';
import { type Environment, type LocalAgent, REDIS_VARIABLE } from '../../scenario/scenario.ts';

/** Agents of this machine that serve one run, and the Redis over which it meets them. */
export type LocalAgents = {
  /** Contains a password. */
  readonly redisUrl: string;
  /** Ends them all, and waits until they have ended. */
  stop(): Promise<void>;
};

export type LocalAgentsRequest = {
  readonly agents: readonly LocalAgent[];
  /** Over all agents; `null` = as many as this machine has cores to spare. */
  readonly workers: number | null;
  /** `HOST:PORT` that they may connect to. */
  readonly allowedTargets: readonly string[];
  readonly fleetFile: string;
  /** Of the agents: contains the keys that the run names. */
  readonly environment: Environment;
};

/** What the keeper starts, in this order. */
export type KeeperRequest = {
  readonly redisServer: string;
  readonly redisConfig: string;
  /** The arguments of each. */
  readonly agents: readonly (readonly string[])[];
};

/** Once all of them are ready, or one did not start. */
export type KeeperReply = { readonly failure: string | null };

const KEEPER = 'dist/cli/host/local-agents-keeper.js';
const REDIS_PROGRAMS = ['redis-server', 'valkey-server'];
const PASSWORD_BYTES = 24;

/** The program that a run with local agents starts as its Redis. @throws OperatorError `usage` where there is none */
export function redisServerProgram(environment: Environment): string {
  const folders = (environment['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const program = REDIS_PROGRAMS.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
  if (program !== undefined) return program;
  const message = `--local-agent needs ${REDIS_PROGRAMS.join(' or ')}, and neither is on the PATH`;
  const remedy = 'Install one of them (Debian and Ubuntu: apt install redis-server; macOS: brew install redis)';
  throw new OperatorError('usage', [problem(message, remedy)]);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Starts redis-server and agents. A keeper, which is detached like the embedded emulator, has them as its children: Ctrl-C reaches only this
 * process, and when it is gone, the keeper ends them.
 *
 * @throws OperatorError `usage` without redis-server, `local` when one of them does not start
 */
export async function startLocalAgents(request: LocalAgentsRequest): Promise<LocalAgents> {
  const redisServer = redisServerProgram(request.environment);
  const password = randomBytes(PASSWORD_BYTES).toString('base64url');
  const port = await freePort();
  const redisUrl = `redis://:${password}@127.0.0.1:${port}`;
  // No argument has a secret: the agents get it in their environment, redis-server on its stdin.
  const keeper = spawn(process.execPath, [packageFile(KEEPER)], {
    detached: true,
    env: { ...request.environment, [REDIS_VARIABLE]: redisUrl },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const ended = new Promise<void>((resolve) => keeper.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    if (keeper.connected) keeper.disconnect();
    await ended;
  };
  const { failure } = await replyOf(keeper, {
    redisServer,
    redisConfig: redisConfig(port, password),
    agents: agentArguments(request),
  });
  if (failure === null) return { redisUrl, stop };
  await stop();
  throw new OperatorError('local', [problem(`the agents of this machine cannot be started: ${failure}`)]);
}

function replyOf(keeper: ChildProcess, request: KeeperRequest): Promise<KeeperReply> {
  return new Promise((resolve, reject) => {
    keeper.once('message', (reply) => resolve(reply as KeeperReply));
    keeper.once('error', reject);
    keeper.once('exit', () => resolve({ failure: 'their keeper has ended' }));
    keeper.send(request);
  });
}

/** Keeps nothing on disk, and listens on loopback only. */
function redisConfig(port: number, password: string): string {
  const lines = [
    'bind 127.0.0.1',
    `port ${port}`,
    `requirepass ${password}`,
    'save ""',
    'appendonly no',
    'databases 1',
  ];
  return [...lines, 'loglevel notice', 'logfile ""', 'maxmemory-policy noeviction', ''].join('\n');
}

function agentArguments({ agents, allowedTargets, fleetFile, workers }: LocalAgentsRequest): KeeperRequest['agents'] {
  const spare = Math.floor((availableParallelism() - 1) / agents.length);
  const slots = workers === null ? Math.max(1, spare) : Math.ceil(workers / agents.length);
  return agents.map(({ labels, address }, index) => [
    'agent',
    `--name=local-${index + 1}`,
    `--slots=${slots}`,
    `--fleet=${fleetFile}`,
    ...Object.entries(labels).map(([name, value]) => `--label=${name}=${value}`),
    ...allowedTargets.map((target) => `--allow-target=${target}`),
    ...(address === null ? [] : [`--local-address=${address}`]),
  ]);
}

/** redis-server cannot choose one itself. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
