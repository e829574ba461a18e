/*
 * node --import './source-address.mjs?port=P&address=A': every connection to port P comes from the address A of this machine.
 */
import { Socket } from 'node:net';

const { searchParams } = new URL(import.meta.url);
const port = Number(searchParams.get('port'));
const source = { localAddress: searchParams.get('address'), family: 4 };

const { connect } = Socket.prototype;
Socket.prototype.connect = function connectFromAddress(options, ...rest) {
  const isMeant = typeof options === 'object' && options.port === port;
  return connect.call(this, isMeant ? { ...options, ...source } : options, ...rest);
};
