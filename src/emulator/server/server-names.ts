import { hostname, networkInterfaces } from 'node:os';

/** They mean every address of the machine. */
const EVERY_ADDRESS = new Set(['0.0.0.0', '::']);

/** Names and addresses under which devices reach a server that listens on `host`; the server certificate stands for them. */
export function serverNames(host: string): readonly string[] {
  if (!EVERY_ADDRESS.has(host)) return [host];
  const addresses = Object.values(networkInterfaces()).flatMap((ones = []) => ones.map(({ address }) => address));
  return [hostname(), ...addresses];
}
