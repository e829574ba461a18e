import type { Clock, Timer } from '../../src/time/clock.ts';

type Entry = { readonly atMs: number; readonly order: number; wake: (() => void) | null };

/** 2026-01-01 00:00:00 UTC. */
const EPOCH_AT_ZERO_MS = 1_767_225_600_000;

/** Time that passes only when it is told to. Timers due at the same moment fire in the order in which they were set. */
export class VirtualClock implements Clock {
  /** Binary heap, earliest first. */
  readonly #heap: Entry[] = [];
  #nowMs = 0;
  #order = 0;
  #timers = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  epochMs(): number {
    return EPOCH_AT_ZERO_MS + this.#nowMs;
  }

  /** To compute takes no time here. */
  cpuMs(): number {
    return 0;
  }

  wakeAt(atMs: number, wake: () => void): Timer {
    const entry: Entry = { atMs: Math.max(atMs, this.#nowMs), order: this.#order++, wake };
    this.#push(entry);
    this.#timers += 1;
    return { cancel: () => this.#take(entry) };
  }

  /** Timers that are set and have neither fired nor been cancelled. */
  get timers(): number {
    return this.#timers;
  }

  /** Fires everything that is due until `atMs`, that included, and stops there. */
  advanceTo(atMs: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.atMs <= atMs; next = this.#heap[0]) this.#fireFirst();
    this.#nowMs = Math.max(this.#nowMs, atMs);
  }

  /** Nothing runs until `atMs`; what was due by then fires late. */
  jumpTo(atMs: number): void {
    this.#nowMs = atMs;
    this.advanceTo(atMs);
  }

  /** Fires what is due next, or else nothing. */
  step(): void {
    if (this.#heap.length > 0) this.#fireFirst();
  }

  /** Fires everything, and all that is set by it. */
  runToEnd(): void {
    while (this.#heap.length > 0) this.#fireFirst();
  }

  #fireFirst(): void {
    const entry = this.#pop();
    if (entry.wake === null) return;
    this.#nowMs = Math.max(this.#nowMs, entry.atMs);
    this.#take(entry)?.();
  }

  #take(entry: Entry): (() => void) | null {
    const { wake } = entry;
    if (wake !== null) this.#timers -= 1;
    entry.wake = null;
    return wake;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.length;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above] as Entry;
      if (!isBefore(entry, parent)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = entry;
  }

  #pop(): Entry {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) throw new Error('no timer is set');
    if (heap.length > 0) this.#sink(last);
    return first;
  }

  #sink(entry: Entry): void {
    const heap = this.#heap;
    let index = 0;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1] as Entry, heap[below] as Entry)) below += 1;
      if (!isBefore(heap[below] as Entry, entry)) break;
      heap[index] = heap[below] as Entry;
      index = below;
    }
    heap[index] = entry;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
