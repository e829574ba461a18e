import { Server, type TLSSocket } from 'node:tls';

/** A handshake as the server saw it. */
export type SeenHandshake = {
  readonly protocol: string | null;
  /** Of the server's own certificate that it chose. */
  readonly key: 'RSA' | 'ECDSA';
};

type Emit = (this: Server, event: string | symbol, ...args: unknown[]) => boolean;

/** Notes the handshakes of all TLS servers of this process, in order, until `end` is called. */
export function seenHandshakes(): { readonly handshakes: SeenHandshake[]; readonly end: () => void } {
  const handshakes: SeenHandshake[] = [];
  const prototype = Server.prototype as unknown as { emit: Emit };
  const { emit } = prototype;
  prototype.emit = function (event, ...args) {
    if (event === 'secureConnection') handshakes.push(seen(args[0] as TLSSocket));
    return emit.call(this, event, ...args);
  };
  const end = (): void => {
    prototype.emit = emit;
  };
  return { handshakes, end };
}

function seen(socket: TLSSocket): SeenHandshake {
  // A certificate of an elliptic curve has no modulus.
  const isRsa = 'modulus' in (socket.getCertificate() ?? {});
  return { protocol: socket.getProtocol(), key: isRsa ? 'RSA' : 'ECDSA' };
}
