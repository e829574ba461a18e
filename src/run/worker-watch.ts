import type { Credits } from '../load/credits.ts';
import { LossNotices } from './loss-notices.ts';

/**
 * A worker reports its health every second; one that is silent for this long has hung. The main thread counts in its own ticks, so
 * that workers are not suspected after the machine slept.
 */
export const WORKER_SILENCE_MAX_SECONDS = 30;

/** Knows which workers are there, lets only those get rows, notices those that hang, and limits replacements. */
export class WorkerWatch {
  readonly losses = new LossNotices();
  readonly #credits: Pick<Credits, 'close' | 'open'>;
  readonly #replacementsMax: number;
  readonly #silentSeconds: number[];
  /** Lost, and not replaced yet. */
  readonly #gone = new Set<number>();
  /** Unheard of for a moment. */
  readonly #silent = new Set<number>();
  #replacements = 0;

  /** @param replacementsMax most workers that may be replaced; a further loss is not an accident */
  constructor(workers: number, replacementsMax: number, credits: Pick<Credits, 'close' | 'open'>) {
    this.#credits = credits;
    this.#replacementsMax = replacementsMax;
    this.#silentSeconds = Array.from({ length: workers }, () => 0);
  }

  /** Workers that were lost, and whose replacement is not ready. */
  get gone(): readonly number[] {
    return [...this.#gone];
  }

  /** They, and those that are silent for a moment. */
  get unheard(): readonly number[] {
    return [...this.#gone, ...this.#silent];
  }

  get allAreGone(): boolean {
    return this.#gone.size === this.#silentSeconds.length;
  }

  heard(worker: number): void {
    this.#silentSeconds[worker] = 0;
  }

  lost(worker: number): void {
    this.#gone.add(worker);
    this.#silent.delete(worker);
    this.#steer(worker);
  }

  /** It listens, for the first time or in place of a lost one. */
  ready(worker: number): void {
    this.#gone.delete(worker);
    this.#silentSeconds[worker] = 0;
    this.#steer(worker);
  }

  silent(worker: number, isSilent: boolean): void {
    if (isSilent) this.#silent.add(worker);
    else this.#silent.delete(worker);
    this.#steer(worker);
  }

  /** Call once a second. @returns the workers that have just been silent for too long */
  tick(): readonly number[] {
    return this.#silentSeconds.flatMap((seconds, worker) => {
      if (this.#gone.has(worker)) return [];
      this.#silentSeconds[worker] = seconds + 1;
      return seconds + 1 === WORKER_SILENCE_MAX_SECONDS ? [worker] : [];
    });
  }

  /** @returns whether a lost worker may be replaced once more */
  mayReplace(): boolean {
    this.#replacements += 1;
    return this.#replacements <= this.#replacementsMax;
  }

  #steer(worker: number): void {
    if (this.#gone.has(worker) || this.#silent.has(worker)) this.#credits.close(worker);
    else this.#credits.open(worker);
  }
}
