/**
 * A worker tells of its health every second. One that is silent for so many seconds of this process' own working time hangs:
 * counted in turns of the coordinator, so that a machine that sleeps makes nobody a suspect.
 */
export const WORKER_SILENCE_MAX_SECONDS = 30;

/** So many threads are replaced in one session; a further loss is no accident. */
export const WORKER_REPLACEMENTS_MAX = 5;

/** Tells which workers have fallen silent, and how often one may still be replaced. */
export class WorkerWatch {
  readonly #silentSeconds: number[];
  #replacements = 0;

  constructor(workers: number) {
    this.#silentSeconds = Array.from({ length: workers }, () => 0);
  }

  heard(worker: number): void {
    this.#silentSeconds[worker] = 0;
  }

  /** Once a second. @returns those that have just been silent for too long. */
  tick(): readonly number[] {
    return this.#silentSeconds.flatMap((seconds, worker) => {
      this.#silentSeconds[worker] = seconds + 1;
      return seconds + 1 === WORKER_SILENCE_MAX_SECONDS ? [worker] : [];
    });
  }

  /** @returns whether one more may be. */
  mayReplace(worker: number): boolean {
    this.#silentSeconds[worker] = 0;
    this.#replacements += 1;
    return this.#replacements <= WORKER_REPLACEMENTS_MAX;
  }
}
