import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { rootCertificates } from 'node:tls';

/** A request of the service API, before it is signed. */
export type ServiceRequest = {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** With the query, percent-encoded. */
  readonly path: string;
  /** JSON text; `null` = no body. */
  readonly body: string | null;
  readonly headers: Readonly<Record<string, string>>;
};

export type ServiceReply = {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
};

/** Sends one request. @throws the error of the connection, or one that says which limit the answer met */
export type Exchange = (request: ServiceRequest) => Promise<ServiceReply>;

export type HttpsTarget = {
  /** For the name in TLS, and to be looked up. */
  readonly host: string;
  readonly port: number;
  /** Where to connect instead of looking the host up, as curl's `--resolve` has it; `null` = look up. */
  readonly address: string | null;
  /** Trusted besides the roots that Node brings. */
  readonly caPems: readonly string[];
  /** Connections that may be open. */
  readonly connections: number;
};

/** A connection on which nothing moves for so long is given up. Microsoft's clients wait 24 to 100 s; 30 s suffice for ten entries. */
const SILENCE_MAX_MS = 30_000;

/** A page of 1,000 registration records has well below 1 MB; more is not from the service. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

/** Connections to one server that stay open from request to request. @returns `close` ends them */
export function httpsExchange(target: HttpsTarget): { readonly exchange: Exchange; readonly close: () => void } {
  const { host, port, address, caPems, connections } = target;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const options: RequestOptions = {
    agent,
    host,
    port,
    ca: [...rootCertificates, ...caPems],
    rejectUnauthorized: true,
    timeout: SILENCE_MAX_MS,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(address === null ? {} : { lookup: alwaysAt(address) }),
  };
  return { exchange: (request) => exchangeOnce(options, request), close: () => agent.destroy() };
}

function exchangeOnce(options: RequestOptions, { method, path, body, headers }: ServiceRequest): Promise<ServiceReply> {
  return new Promise((resolve, reject) => {
    const length = body === null ? 0 : Buffer.byteLength(body);
    const allHeaders = { ...headers, ...(method === 'GET' ? {} : { 'content-length': length }) };
    const sent = httpsRequest({ ...options, method, path, headers: allHeaders }, (answer) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > ANSWER_BYTES_MAX) sent.destroy(new Error(`the answer has more than ${ANSWER_BYTES_MAX} bytes`));
        else chunks.push(chunk);
      });
      answer.on('error', reject);
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text });
      });
    });
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${SILENCE_MAX_MS / 1_000} s`)));
    sent.on('error', reject);
    sent.end(body ?? undefined);
  });
}

function alwaysAt(address: string): LookupFunction {
  const family = isIP(address);
  return (_host, { all }, callback) => {
    if (all) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}
