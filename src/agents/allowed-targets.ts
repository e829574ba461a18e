import { isIP } from 'node:net';
import { type PinnedAddress, pinnedAddress } from '../mqtt/host-addresses.ts';
import { placeName } from '../mqtt/tls-dialler.ts';
import { OperatorError, type Problem, problem } from '../problem/operator-error.ts';
import { quoteValue } from '../problem/quote-value.ts';

/** A host that an agent may connect to; `null` = on any port. */
export type AllowedTarget = { readonly host: string; readonly port: number | null };

/** Where a run's connections go, and the name that they expect there. */
export type PlacementTarget = {
  readonly host: string;
  readonly port: number;
  /** `null` = the host. */
  readonly serverName: string | null;
  readonly pinned: readonly PinnedAddress[];
};

/**
 * The targets of `--allow-target host[:port]`, with an IPv6 address in brackets.
 *
 * @throws OperatorError `usage` with every text that is none
 */
export function readAllowedTargets(texts: readonly string[]): readonly AllowedTarget[] {
  const targets = texts.map(readTarget);
  const remedy =
    'Write a host name or an IP address, and a port if only that one is allowed: global.azure-devices-provisioning.net:8883';
  const problems = texts
    .filter((_, index) => targets[index] === null)
    .map((text) => problem(`--allow-target ${quoteValue(text)} is not HOST or HOST:PORT`, remedy));
  if (problems.length > 0) throw new OperatorError('usage', problems);
  return targets.filter((target) => target !== null);
}

const TARGET = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?))(?::(\d{1,5}))?$/;
const PORT_MAX = 65_535;

function readTarget(text: string): AllowedTarget | null {
  const [, address, name, portText] = TARGET.exec(text) ?? [];
  const host = (address ?? name ?? '').toLowerCase();
  const port = portText === undefined ? null : Number(portText);
  const isAddress = address === undefined || isIP(address) === 6;
  return host !== '' && isAddress && port !== 0 && (port ?? 1) <= PORT_MAX ? { host, port } : null;
}

/**
 * Why an agent must not serve a run, one problem for each place outside `allowed`. Whoever can write to Redis chooses the target, so an
 * address or a server name in its place must be allowed just like a host.
 *
 * @param allowed empty = any target
 */
export function targetProblems(
  allowed: readonly AllowedTarget[],
  { host, port, serverName, pinned }: PlacementTarget,
): readonly Problem[] {
  if (allowed.length === 0) return [];
  const isAllowed = (name: string): boolean =>
    allowed.some((target) => target.host === name.toLowerCase() && (target.port ?? port) === port);
  const address = pinnedAddress({ host, port }, pinned);
  const places = [
    { what: 'the target', name: host },
    ...(address === null ? [] : [{ what: 'the address that --resolve gives for the target', name: address }]),
    ...(serverName === null ? [] : [{ what: 'the name that --server-name expects', name: serverName }]),
  ];
  return places
    .filter(({ name }) => !isAllowed(name))
    .map(({ what, name }) => {
      const place = placeName({ host: name, port });
      return problem(
        `${what} is ${place}, which its --allow-target does not name`,
        `Start the agent with --allow-target ${place} as well, or use a target that it allows`,
      );
    });
}
