import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import type { KeyedCertificate } from '../../certificates/certificate.ts';
import { messageOf } from '../../problem/operator-error.ts';
import { API_ERRORS, type ApiAnswer, ApiRefusal, type ApiRequest } from '../service/api/api-message.ts';
import type { ApiOutcome, ServiceApi } from '../service/api/service-api.ts';
import { keptText } from '../service/kept-text.ts';
import type { SessionContext } from './mqtt-session.ts';
import { type Listener, listen, tlsSettings } from './tls-listener.ts';

export type ServiceApiSource = Pick<
  SessionContext,
  'serviceTimeMs' | 'serviceClock' | 'limits' | 'whenKept' | 'log'
> & {
  readonly api: ServiceApi;
  readonly certificates: readonly KeyedCertificate[];
};

/** A bulk of ten enrollments with certificates and the largest twins has half of it. */
const BODY_BYTES_MAX = 1024 * 1024;

/** Serves the service API over HTTPS. */
export async function listenServiceApi(
  { host, port }: { readonly host: string; readonly port: number },
  source: ServiceApiSource,
): Promise<Listener> {
  const { certificates, limits, log } = source;
  const timeoutMs = limits.httpTimeoutMs;
  const server = createServer(
    {
      ...tlsSettings(certificates),
      requestCert: false,
      handshakeTimeout: limits.connectTimeoutMs,
      headersTimeout: timeoutMs,
      requestTimeout: timeoutMs,
      // Those two are looked at so often.
      connectionsCheckingInterval: Math.max(100, timeoutMs / 10),
      keepAliveTimeout: timeoutMs,
    },
    (request, response) => new Exchange(request, response, source).read(),
  );
  // Those timeouts begin with the first byte.
  server.timeout = timeoutMs;
  server.on('tlsClientError', ({ message }, socket) => {
    log(`service API: TLS handshake failed: ${message}`);
    socket.destroy();
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const bound = await listen(server, { host, port, portFlag: '--service-port' });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { port: bound, close };
}

/** One request and its answer. */
class Exchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #source: ServiceApiSource;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(request: IncomingMessage, response: ServerResponse, source: ServiceApiSource) {
    this.#request = request;
    this.#response = response;
    this.#source = source;
  }

  read(): void {
    this.#request.on('data', (chunk: Buffer) => {
      if (this.#bytes > BODY_BYTES_MAX) return;
      this.#bytes += chunk.length;
      if (this.#bytes > BODY_BYTES_MAX) this.#refuseTooLarge();
      else this.#chunks.push(chunk);
    });
    this.#request.on('error', () => {});
    this.#request.on('end', () => {
      if (this.#bytes <= BODY_BYTES_MAX) this.#handle();
    });
  }

  #refuseTooLarge(): void {
    const { api, serviceTimeMs } = this.#source;
    this.#chunks.length = 0;
    const refusal = new ApiRefusal(API_ERRORS.bodyTooLarge, `The body has more than ${BODY_BYTES_MAX} bytes.`);
    // What the client still sends is not read: the connection ends with the answer.
    this.#response.once('finish', () => this.#request.socket.destroySoon());
    this.#send(api.refuse(refusal, serviceTimeMs()), true);
  }

  #handle(): void {
    const { api, serviceTimeMs, whenKept } = this.#source;
    const { method = '', url: target = '', headers } = this.#request;
    const body = Buffer.concat(this.#chunks).toString('utf8');
    const outcome = this.#safely(() =>
      api.handle({ method, target, headers, body } satisfies ApiRequest, serviceTimeMs()),
    );
    if (outcome.delivery === 'cut') this.#request.socket.destroy();
    // Reads wait too: they may tell what another client has just changed.
    whenKept((isKept) => {
      if (isKept) this.#deliver(outcome);
      else this.#deliver({ ...outcome, answer: api.refuseUnkept(outcome.answer, serviceTimeMs()) });
    });
  }

  #deliver({ answer, delivery, afterMs, closes }: ApiOutcome): void {
    const { serviceClock } = this.#source;
    if (delivery !== 'answer') return;
    if (afterMs === 0) this.#send(answer, closes);
    else serviceClock.wakeAt(serviceClock.nowMs() + afterMs, () => this.#send(answer, closes));
  }

  /** A mistake of the emulator costs one answer, not all connections. */
  #safely(handle: () => ApiOutcome): ApiOutcome {
    const { api, serviceTimeMs } = this.#source;
    try {
      return handle();
    } catch (error) {
      const answer = api.refuse(new ApiRefusal(API_ERRORS.internal, 'Internal server error.'), serviceTimeMs());
      const refusal = `a mistake of the emulator: ${messageOf(error)}`;
      return { answer: { ...answer, refusal }, delivery: 'answer', afterMs: 0, closes: false };
    }
  }

  #send({ status, headers, body, refusal }: ApiAnswer, closes: boolean): void {
    const { method, url = '' } = this.#request;
    if (refusal !== null) {
      const path = JSON.stringify(keptText(url.split('?', 1)[0] ?? ''));
      this.#source.log(`service API: ${method} ${path}: ${status}: ${refusal}`);
    }
    const type = body === '' ? {} : { 'content-type': 'application/json; charset=utf-8' };
    const end = closes ? { connection: 'close' } : {};
    this.#response.writeHead(status, { ...type, ...headers, ...end }).end(body === '' ? undefined : body);
  }
}
