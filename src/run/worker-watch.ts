/**
 * A worker reports its health every second; one that is silent for this long has hung. The main thread counts in its own ticks, so
 * that workers are not suspected after the machine slept.
 */
export const WORKER_SILENCE_MAX_SECONDS = 30;

/** Most workers replaced in one session; a further loss is not an accident. */
export const WORKER_REPLACEMENTS_MAX = 5;

/** Notices workers that fall silent, and limits replacements. */
export class WorkerWatch {
  readonly #silentSeconds: number[];
  #replacements = 0;

  constructor(workers: number) {
    this.#silentSeconds = Array.from({ length: workers }, () => 0);
  }

  heard(worker: number): void {
    this.#silentSeconds[worker] = 0;
  }

  /** Call once a second. @returns the workers that have just been silent for too long */
  tick(): readonly number[] {
    return this.#silentSeconds.flatMap((seconds, worker) => {
      this.#silentSeconds[worker] = seconds + 1;
      return seconds + 1 === WORKER_SILENCE_MAX_SECONDS ? [worker] : [];
    });
  }

  /** @returns whether a lost worker may be replaced once more */
  mayReplace(worker: number): boolean {
    this.#silentSeconds[worker] = 0;
    this.#replacements += 1;
    return this.#replacements <= WORKER_REPLACEMENTS_MAX;
  }
}
