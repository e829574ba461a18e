import type { HubPlace } from '../../hub/hub-check.ts';
import { type Notation, notation, PERCENTAGE } from './notation.ts';

/** A share of 1, or all. */
export const SHARE_OR_ALL: Notation<number> = {
  ...PERCENTAGE,
  placeholder: 'share',
  remedy: `${PERCENTAGE.remedy}, or all`,
  read: (text) => (text === 'all' ? { value: 1 } : PERCENTAGE.read(text)),
  show: (share) => (share === 1 ? 'all' : PERCENTAGE.show(share)),
};

/** `127.0.0.1:8883`, `emulator:8883` or `[::1]:8883`. */
export const HUB_PLACE = notation<HubPlace>({
  placeholder: 'host:port',
  noun: 'HOST:PORT',
  remedy: 'Write host or IP address and port, for example 127.0.0.1:8884; put an IPv6 address in brackets',
  parse: (text) => {
    const [, ipv6, name, portText] =
      /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9][A-Za-z0-9.-]{0,252})):(\d{1,5})$/.exec(text) ?? [];
    const host = ipv6 ?? name;
    const port = Number(portText);
    return host !== undefined && port >= 1 && port <= 65_535 ? { host, port } : null;
  },
  show: ({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`),
});

const ENDING = /^\.[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?$/;

/** `.azure-devices.net,.azure-devices.cn` */
export const HOST_ENDINGS = notation<readonly string[]>({
  placeholder: 'endings',
  noun: 'a list of endings of host names',
  remedy:
    'Write endings with their leading dots, separated by commas, for example .azure-devices.net,.hubs.example.com',
  parse: (text) => {
    const endings = text.split(',').map((ending) => ending.trim().toLowerCase());
    return endings.every((ending) => ENDING.test(ending) && !ending.includes('..')) ? endings : null;
  },
  show: (endings) => endings.join(', '),
});
