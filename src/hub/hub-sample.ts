import { jitter } from '../registration/retry-delay.ts';

/** No pause of a registration has this number, so the sample is independent of them. */
const SAMPLE_DRAW = 1_000_003;

/** A device that could be checked. */
export type SampleCandidate = {
  /** Place in the fleet. */
  readonly row: number;
  readonly registrationId: string;
  readonly hub: string;
  /** It has been checked in an earlier session, and stays in the sample. */
  readonly wasChecked: boolean;
};

export type HubSample = {
  /** By hub, in the order of their names. */
  readonly hubs: readonly { readonly hub: string; readonly devices: number; readonly sampled: number }[];
  has(row: number): boolean;
};

type Drawn = { readonly row: number; readonly draw: number };

/**
 * Draws a share of each hub's devices, at least one of each hub. A device's draw depends on the seed and on its ID alone, so a resumed run
 * draws the same ones.
 */
export class HubSampler {
  readonly #share: number;
  readonly #seed: number;
  readonly #byHub = new Map<string, Drawn[]>();

  constructor(share: number, seed: number) {
    this.#share = share;
    this.#seed = seed;
  }

  add({ row, registrationId, hub, wasChecked }: SampleCandidate): void {
    const draw = wasChecked ? -1 : jitter(this.#seed, registrationId, SAMPLE_DRAW);
    const devices = this.#byHub.get(hub);
    if (devices === undefined) this.#byHub.set(hub, [{ row, draw }]);
    else devices.push({ row, draw });
  }

  sample(): HubSample {
    const rows = new Set<number>();
    const hubs = [...this.#byHub].map(([hub, devices]) => {
      const sampled = Math.max(1, Math.ceil(devices.length * this.#share));
      const first = devices.sort((one, other) => one.draw - other.draw || one.row - other.row).slice(0, sampled);
      for (const { row } of first) rows.add(row);
      return { hub, devices: devices.length, sampled };
    });
    hubs.sort((one, other) => (one.hub < other.hub ? -1 : 1));
    return { hubs, has: (row) => rows.has(row) };
  }
}
