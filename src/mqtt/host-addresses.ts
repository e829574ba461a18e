import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { type Clock, repeat, type Timer } from '../time/clock.ts';

/** An address of a host, as the name service gives it. */
export type HostAddress = { readonly address: string; readonly family: number };

/** A host and port whose address is given, as curl's `--resolve` has it. */
export type PinnedAddress = { readonly host: string; readonly port: number; readonly address: string };

/** All addresses of a host, in the name service's order. @throws the name service's error */
export type LookUp = (host: string) => Promise<readonly HostAddress[]>;

const SYSTEM_LOOK_UP: LookUp = (host) => lookup(host, { all: true });

/**
 * The addresses of one host, for all connections of a run. `getaddrinfo` occupies one of the four pool threads of the process, which all
 * workers share with the journal's sync: asked for every connection, a resolver that answers in 100 ms would bound a run at 40
 * connections a second.
 */
export class HostAddresses {
  readonly #host: string;
  readonly #lookUp: LookUp;
  #current: readonly HostAddress[] | null = null;
  #isLookingUp = false;
  #timer: Timer | null = null;

  /** @param pinned address given by the operator, which is never looked up; `null` = none */
  constructor(host: string, pinned: string | null = null, lookUp: LookUp = SYSTEM_LOOK_UP) {
    this.#host = pinned ?? host;
    this.#lookUp = lookUp;
    if (pinned !== null) this.#current = [{ address: pinned, family: isIP(pinned) }];
  }

  /** The last good answer; `null` when there was none, and every connection asks for itself. */
  get current(): readonly HostAddress[] | null {
    return this.#current;
  }

  /** Asks once, unless an earlier question is still open. A failure leaves the last good answer. @returns whether the answer changed */
  async refresh(): Promise<boolean> {
    if (this.#isLookingUp || isIP(this.#host) !== 0) return false;
    this.#isLookingUp = true;
    try {
      const answer = await this.#lookUp(this.#host);
      if (answer.length === 0 || sameAddresses(answer, this.#current)) return false;
      this.#current = answer;
      return true;
    } catch {
      return false;
    } finally {
      this.#isLookingUp = false;
    }
  }

  /** Asks again at each interval, until `stop`. */
  keepFresh(clock: Clock, intervalMs: number, onChange: (addresses: readonly HostAddress[]) => void): void {
    this.#timer = repeat(clock, intervalMs, () => {
      void this.refresh().then((changed) => {
        if (changed && this.#timer !== null) onChange(this.#current ?? []);
      });
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}

function sameAddresses(some: readonly HostAddress[], others: readonly HostAddress[] | null): boolean {
  return others !== null && some.map(({ address }) => address).join() === others.map(({ address }) => address).join();
}

/** Answers a socket's question for its host's addresses from a list, in the list's order. */
export function lookupIn(addresses: readonly HostAddress[]): LookupFunction {
  return (host, { all, family }, callback) => {
    const usable = addresses.filter(
      (one) => family === undefined || family === 0 || one.family === familyNumber(family),
    );
    const [first] = usable;
    if (first === undefined) {
      const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), {
        code: 'ENOTFOUND',
        syscall: 'getaddrinfo',
      });
      callback(error, '');
    } else if (all) callback(null, [...usable]);
    else callback(null, first.address, first.family);
  };
}

function familyNumber(family: number | 'IPv4' | 'IPv6'): number {
  return family === 'IPv4' ? 4 : family === 'IPv6' ? 6 : family;
}

type Place = { readonly host: string; readonly port: number };

/** The address that the operator gave for this host and port; `null` = none. */
export function pinnedAddress({ host, port }: Place, pinned: readonly PinnedAddress[]): string | null {
  return pinned.find((one) => one.host === host.toLowerCase() && one.port === port)?.address ?? null;
}

/** The addresses of a run's target, pinned where the operator did so. */
export function targetAddresses(
  place: Place,
  { pinned }: { readonly pinned: readonly PinnedAddress[] },
): HostAddresses {
  return new HostAddresses(place.host, pinnedAddress(place, pinned));
}
