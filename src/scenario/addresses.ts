import { isIP } from 'node:net';
import { notation } from './notation.ts';

/** IP addresses with commas between them. */
export const ADDRESSES = notation<readonly string[]>(
  'addresses',
  'a list of IP addresses',
  'Write addresses of this machine with commas between them, for example 10.0.0.4,10.0.0.5',
  (text) => {
    const addresses = text.split(',').map((address) => address.trim());
    const isList = addresses.every((address) => isIP(address) !== 0) && new Set(addresses).size === addresses.length;
    return isList ? addresses : null;
  },
  (addresses) => addresses.join(','),
);
