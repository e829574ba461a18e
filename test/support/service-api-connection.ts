import { Agent, request } from 'node:https';
import { signedToken } from '../../src/dps/sas-token.ts';
import { parseServiceConnection } from '../../src/dps/service-connection.ts';
import { API_VERSION } from './service-api-caller.ts';

/** What a test asks for, and gets. */
export type ApiAsked = {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  readonly etag?: string;
};
// biome-ignore lint/suspicious/noExplicitAny: tests look into it member by member
export type ApiAnswered = { readonly status: number; readonly body: any };

/** A client of the service API of an emulator that runs, over a connection that stays open. */
export class ServiceApiConnection {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #caPem: string;
  readonly #host: string;
  readonly #token: string;

  constructor(connectionString: string, caPem: string) {
    const connection = parseServiceConnection(connectionString);
    if (typeof connection === 'string') throw new Error(connection);
    const { hostName, policyName, key } = connection;
    this.#caPem = caPem;
    this.#host = hostName;
    this.#token = signedToken(hostName, key, 4_000_000_000, policyName);
  }

  ask({ method, path, body, etag }: ApiAsked): Promise<ApiAnswered> {
    return new Promise((resolve, reject) => {
      const headers = {
        authorization: this.#token,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(etag === undefined ? {} : { 'if-match': `"${etag}"` }),
      };
      const url = `https://${this.#host}${path}?${API_VERSION}`;
      const sent = request(url, { method, headers, ca: this.#caPem, agent: this.#agent }, async (answer) => {
        try {
          let text = '';
          for await (const chunk of answer) text += chunk;
          resolve({ status: answer.statusCode ?? 0, body: text === '' ? null : JSON.parse(text) });
        } catch (error) {
          reject(error);
        }
      });
      sent.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
