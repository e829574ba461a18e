import { COUNTED, type Counted, type EventCounts, noCounts } from '../registration/event-counts.ts';

/** Counts what the registrations of a worker do and meet, when it happens. */
export class EventCounter {
  #counts = noEvents();
  #isEmpty = true;

  /** @param before, after the counts of one registration */
  grew(before: Readonly<Counted>, after: Readonly<Counted>): void {
    for (const name of COUNTED) {
      if (after[name] === before[name]) continue;
      this.#counts[name] += after[name] - before[name];
      this.#isEmpty = false;
    }
    this.#counts.registersRepeated += repeats(after) - repeats(before);
  }

  connectionLost(): void {
    this.#counts.connectionsLost += 1;
    this.#isEmpty = false;
  }

  /** The events since the last call; `null` if there were none. */
  take(): EventCounts | null {
    if (this.#isEmpty) return null;
    const counts = this.#counts;
    this.#counts = noEvents();
    this.#isEmpty = true;
    return counts;
  }
}

function noEvents(): { -readonly [Name in keyof EventCounts]: number } {
  return { ...noCounts(), connectionsLost: 0, registersRepeated: 0 };
}

function repeats({ registersSent }: Readonly<Counted>): number {
  return Math.max(0, registersSent - 1);
}
