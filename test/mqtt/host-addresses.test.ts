import { describe, expect, it } from 'vitest';
import { type HostAddress, HostAddresses, lookupIn, targetAddresses } from '../../src/mqtt/host-addresses.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const A: HostAddress = { address: '10.0.0.1', family: 4 };
const B: HostAddress = { address: '10.0.0.2', family: 4 };
const V6: HostAddress = { address: '2001:db8::1', family: 6 };

/** A name service that answers when it is told to; an answer that is an error is thrown. */
function nameService() {
  const asked: string[] = [];
  const waiting: ((answer: readonly HostAddress[] | Error) => void)[] = [];
  const lookUp = (host: string): Promise<readonly HostAddress[]> => {
    asked.push(host);
    return new Promise((resolve, reject) => {
      waiting.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)));
    });
  };
  const answer = async (with_: readonly HostAddress[] | Error): Promise<void> => {
    waiting.shift()?.(with_);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { asked, lookUp, answer };
}

describe('the addresses of a host', () => {
  it('are unknown until the first answer', async () => {
    const service = nameService();
    const addresses = new HostAddresses('dps.example', null, service.lookUp);
    const first = addresses.refresh();
    expect(addresses.current).toBeNull();
    await service.answer([A, B]);
    expect([await first, addresses.current]).toEqual([true, [A, B]]);
  });

  it('are asked for once at a time', async () => {
    const service = nameService();
    const addresses = new HostAddresses('dps.example', null, service.lookUp);
    const asking = [addresses.refresh(), addresses.refresh(), addresses.refresh()];
    await service.answer([A]);
    expect(await Promise.all(asking)).toEqual([true, false, false]);
    expect(service.asked).toEqual(['dps.example']);
  });

  it('stay as they were while the name service fails, and are asked for again at each interval', async () => {
    const service = nameService();
    const clock = new VirtualClock();
    const addresses = new HostAddresses('dps.example', null, service.lookUp);
    void addresses.refresh();
    await service.answer([A]);
    const changes: (readonly HostAddress[])[] = [];
    addresses.keepFresh(clock, 30_000, (changed) => changes.push(changed));
    clock.advanceTo(30_000);
    await service.answer(new Error('SERVFAIL'));
    expect([addresses.current, changes]).toEqual([[A], []]);
    clock.advanceTo(60_000);
    await service.answer([]);
    clock.advanceTo(90_000);
    await service.answer([A]);
    expect(changes).toEqual([]);
    clock.advanceTo(120_000);
    await service.answer([B, A]);
    expect([addresses.current, changes]).toEqual([[B, A], [[B, A]]]);
    expect(service.asked).toHaveLength(5);
    addresses.stop();
    expect(clock.timers).toBe(0);
  });

  it('of an IP address are never asked for', async () => {
    const service = nameService();
    expect(await new HostAddresses('127.0.0.1', null, service.lookUp).refresh()).toBe(false);
    expect(service.asked).toEqual([]);
  });

  it('are those that the operator pinned for host and port', () => {
    const pinned = [
      { host: 'dps.example', port: 443, address: '10.0.0.1' },
      { host: 'dps.example', port: 8883, address: '2001:db8::1' },
    ];
    expect(targetAddresses({ host: 'DPS.example', port: 8883 }, { pinned }).current).toEqual([V6]);
    expect(targetAddresses({ host: 'other.example', port: 8883 }, { pinned }).current).toBeNull();
  });
});

describe('a socket that asks for them', () => {
  const ask = (addresses: readonly HostAddress[], options: object) =>
    new Promise((resolve) => {
      lookupIn(addresses)('dps.example', options, (error, ...answer) => resolve(error?.code ?? answer));
    });

  it.each([
    ['all', { all: true }, [[A, V6, B]]],
    ['all of one family', { all: true, family: 4 }, [[A, B]]],
    ['one', {}, ['10.0.0.1', 4]],
    ['one of a family', { family: 6 }, ['2001:db8::1', 6]],
    ['one of any family', { family: 0 }, ['10.0.0.1', 4]],
  ])('gets %s in the order of the name service', async (_, options, expected) => {
    expect(await ask([A, V6, B], options)).toEqual(expected);
  });

  it('is told ENOTFOUND where none fits', async () => {
    expect(await ask([A], { all: true, family: 6 })).toBe('ENOTFOUND');
  });
});
