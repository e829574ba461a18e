/** Counts by device. Anyone can connect with any client ID, so the device counted first makes room for one too many. */
export class DeviceCounts {
  readonly #devicesMax: number;
  readonly #counts = new Map<string, number>();

  constructor(devicesMax: number) {
    this.#devicesMax = devicesMax;
  }

  of(device: string): number {
    return this.#counts.get(device) ?? 0;
  }

  add(device: string): void {
    this.#counts.set(device, this.of(device) + 1);
    if (this.#counts.size <= this.#devicesMax) return;
    // A map iterates in insertion order.
    for (const first of this.#counts.keys()) {
      this.#counts.delete(first);
      return;
    }
  }
}
