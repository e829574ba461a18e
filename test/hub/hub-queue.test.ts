import { describe, expect, it } from 'vitest';
import { HubQueue } from '../../src/hub/hub-queue.ts';

type Device = { readonly hub: string; readonly name: string };

/** Takes all that can be taken, moving on to when more can; `[time, name]` each. */
function drain(queue: HubQueue<Device>, fromMs = 0): readonly (readonly [number, string])[] {
  const taken: [number, string][] = [];
  for (let nowMs = fromMs; queue.size > 0; ) {
    const device = queue.take(nowMs);
    if (device !== null) taken.push([nowMs, device.name]);
    else nowMs = Math.max(nowMs, queue.nextAtMs() ?? Number.NaN);
  }
  return taken;
}

function queueOf(devices: readonly (readonly [hub: string, name: string])[], perSecond = 50): HubQueue<Device> {
  const queue = new HubQueue<Device>(() => perSecond);
  for (const [hub, name] of devices) queue.add({ hub, name });
  return queue;
}

const many = (hub: string, count: number) =>
  Array.from({ length: count }, (_, index): readonly [string, string] => [hub, `${hub}${index}`]);

describe('the queue before the hubs', () => {
  it('spaces the connections to one hub evenly, and never exceeds its pace', () => {
    const times = drain(queueOf(many('a', 200))).map(([atMs]) => atMs);
    expect(times.at(-1)).toBeGreaterThanOrEqual(199 * 20 - 10);
    expect(times.at(-1)).toBeLessThanOrEqual(199 * 20);
    for (let index = 51; index < times.length; index += 1) {
      expect((times[index] as number) - (times[index - 51] as number)).toBeGreaterThanOrEqual(1_000);
    }
  });

  it('gives each hub a pace of its own', () => {
    const queue = new HubQueue<Device>((hub) => (hub === 'fast' ? 1_000 : 1));
    for (const [hub, name] of [...many('slow', 3), ...many('fast', 500)]) queue.add({ hub, name });
    const taken = drain(queue);
    const lastOf = (hub: string) => taken.findLast(([, name]) => name.startsWith(hub))?.[0] ?? 0;
    expect(lastOf('fast')).toBeLessThan(510);
    expect(lastOf('slow')).toBeGreaterThan(1_900);
  });

  it('takes hubs in turn when slots are scarce', () => {
    const queue = queueOf([...many('a', 3), ...many('b', 3)]);
    expect([queue.take(0)?.name, queue.take(0)?.name]).toEqual(['a0', 'b0']);
    expect([queue.take(100)?.name, queue.take(100)?.name]).toEqual(['a1', 'b1']);
  });

  it('begins no burst after a pause', () => {
    const queue = queueOf(many('a', 100));
    queue.take(0);
    const after = drain(queue, 60_000).map(([atMs]) => atMs);
    expect(after.filter((atMs) => atMs < 60_100).length).toBeLessThanOrEqual(6);
  });

  it('gives a device out again only when its pause has passed, at the pace of its hub', () => {
    const queue = queueOf([['a', 'first']]);
    const device = queue.take(0) as Device;
    queue.addAt(2_000, device);
    expect([queue.take(1_999), queue.nextAtMs(), queue.size]).toEqual([null, 2_000, 1]);
    expect(queue.take(2_000)).toBe(device);
    expect([queue.size, queue.nextAtMs()]).toEqual([0, null]);
  });
});
