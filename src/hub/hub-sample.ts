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
  /** Its hub has ended, so it cannot be checked any more. */
  readonly isGone: boolean;
};

export type HubSample = {
  /** By hub, in the order of their names. */
  readonly hubs: readonly { readonly hub: string; readonly devices: number; readonly sampled: number }[];
  has(row: number): boolean;
};

type Drawn = { readonly row: number; readonly draw: number };

type HubDevices = { devices: number; readonly drawn: Drawn[] };

/**
 * Draws a share of each hub's devices, at least one of each hub. A device's draw depends on the seed and on its ID alone, so a resumed run
 * draws the same ones.
 */
export class HubSampler {
  readonly #share: number;
  readonly #seed: number;
  readonly #byHub = new Map<string, HubDevices>();

  constructor(share: number, seed: number) {
    this.#share = share;
    this.#seed = seed;
  }

  add({ row, registrationId, hub, wasChecked, isGone }: SampleCandidate): void {
    const ofHub = this.#byHub.get(hub) ?? { devices: 0, drawn: [] };
    this.#byHub.set(hub, ofHub);
    ofHub.devices += 1;
    if (wasChecked) ofHub.drawn.push({ row, draw: -1 });
    else if (!isGone) ofHub.drawn.push({ row, draw: jitter(this.#seed, registrationId, SAMPLE_DRAW) });
  }

  sample(): HubSample {
    const rows = new Set<number>();
    const hubs = [...this.#byHub].map(([hub, { devices, drawn }]) => {
      const wanted = Math.max(1, Math.ceil(devices * this.#share));
      const first = drawn.sort((one, other) => one.draw - other.draw || one.row - other.row).slice(0, wanted);
      for (const { row } of first) rows.add(row);
      return { hub, devices, sampled: first.length };
    });
    hubs.sort((one, other) => (one.hub < other.hub ? -1 : 1));
    return sampleOf(hubs, rows);
  }
}

/** Apart from the sampler: what it has drawn takes more memory than the rows, and goes with it. */
function sampleOf(hubs: HubSample['hubs'], rows: ReadonlySet<number>): HubSample {
  return { hubs, has: (row) => rows.has(row) };
}
