import type { HubAttempt, HubCheckPolicy } from '../hub/hub-check.ts';
import { HubQueue } from '../hub/hub-queue.ts';
import { hubRetryDelayMs } from '../hub/hub-retry.ts';
import type { HubCheckRecord, HubEndReason } from '../journal/hub-check-record.ts';
import type { HubAttemptInProgress } from '../mqtt/hub-attempt.ts';
import type { Clock, Timer } from '../time/clock.ts';

/** Devices read ahead of their connections: enough that one slow hub does not keep the others waiting, whatever the order of the fleet. */
const READ_AHEAD = 10_000;

/** A device of the sample. */
export type CheckedDevice = {
  readonly row: number;
  readonly registrationId: string;
  readonly hub: string;
  readonly deviceId: string;
  /** Wall clock; `null` = not known. */
  readonly assignedAtEpochMs: number | null;
};

type Progress<Device> = { readonly device: Device; readonly hub: string; attempts: number; startedAtMs: number | null };

export type CheckStageParts<Device extends CheckedDevice> = {
  readonly clock: Clock;
  readonly policy: HubCheckPolicy & { readonly seed: number };
  readonly devices: AsyncIterable<Device>;
  /** New connections a second that a hub gets. */
  readonly perSecondAt: (hub: string) => number;
  /** @param attempt from 0 */
  readonly begin: (device: Device, attempt: number) => HubAttemptInProgress;
  readonly onChecked: (record: HubCheckRecord) => void;
};

/** Checks devices at their hubs: at the pace of each hub, with bounded connections and time, and again what may pass. */
export class CheckStage<Device extends CheckedDevice> {
  readonly #parts: CheckStageParts<Device>;
  readonly #queue: HubQueue<Progress<Device>>;
  readonly #open = new Set<HubAttemptInProgress>();
  #isRead = false;
  #timer: Timer | null = null;
  #limit: Timer | null = null;
  #resumeReading: (() => void) | null = null;
  #end: ((reason: HubEndReason) => void) | null = null;
  #fail: (error: unknown) => void = () => {};

  constructor(parts: CheckStageParts<Device>) {
    this.#parts = parts;
    this.#queue = new HubQueue(parts.perSecondAt);
  }

  /** Resolves when every device is checked, or with why not. */
  run(): Promise<HubEndReason> {
    const { clock, policy } = this.#parts;
    return new Promise((resolve, reject) => {
      this.#end = resolve;
      this.#fail = (error) => {
        // First, since the end of the stage would resolve it.
        reject(error);
        this.stop('terminated');
      };
      this.#limit = clock.wakeAt(clock.nowMs() + policy.durationMs, () => this.stop('duration'));
      this.#read().catch(this.#fail);
    });
  }

  /** Connections in progress are cut off: a later session makes these checks again. */
  stop(reason: HubEndReason): void {
    const end = this.#end;
    if (end === null) return;
    this.#end = null;
    this.#timer?.cancel();
    this.#limit?.cancel();
    for (const attempt of this.#open) attempt.cancel();
    this.#resumeReading?.();
    end(reason);
  }

  async #read(): Promise<void> {
    for await (const device of this.#parts.devices) {
      if (this.#end === null) return;
      this.#queue.add({ device, hub: device.hub, attempts: 0, startedAtMs: null });
      this.#pump();
      if (this.#queue.size >= READ_AHEAD) await this.#room();
    }
    this.#isRead = true;
    this.#pump();
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#resumeReading = resolve;
    });
  }

  /** Begins every connection that may begin now, and wakes for the next one. */
  #pump(): void {
    if (this.#end === null) return;
    const { clock, policy } = this.#parts;
    while (this.#open.size < policy.concurrency) {
      const progress = this.#queue.take(clock.nowMs());
      if (progress === null) break;
      this.#begin(progress);
    }
    if (this.#queue.size < READ_AHEAD) this.#resumeReading?.();
    if (this.#isRead && this.#queue.size + this.#open.size === 0) {
      this.stop('completed');
      return;
    }
    this.#timer?.cancel();
    const nextAtMs = this.#open.size < policy.concurrency ? this.#queue.nextAtMs() : null;
    if (nextAtMs !== null) this.#timer = clock.wakeAt(nextAtMs, () => this.#pump());
  }

  #begin(progress: Progress<Device>): void {
    const { begin, clock } = this.#parts;
    progress.startedAtMs ??= clock.nowMs();
    const inProgress = begin(progress.device, progress.attempts);
    progress.attempts += 1;
    this.#open.add(inProgress);
    inProgress.ended
      .then((attempt) => {
        this.#open.delete(inProgress);
        if (this.#end === null) return;
        this.#settle(progress, attempt);
        this.#pump();
      })
      .catch(this.#fail);
  }

  #settle(progress: Progress<Device>, attempt: HubAttempt): void {
    const { clock, onChecked, policy } = this.#parts;
    const { device, attempts } = progress;
    const { row, registrationId, hub, deviceId, assignedAtEpochMs } = device;
    const delayMs = hubRetryDelayMs({ registrationId, assignedAtEpochMs, attempts }, attempt, policy, clock.epochMs());
    const nowMs = clock.nowMs();
    if (delayMs !== null) {
      this.#queue.addAt(nowMs + delayMs, progress);
      return;
    }
    const startedAtMs = progress.startedAtMs ?? nowMs;
    const facts = { row, registrationId, hub, deviceId, attempts, startedAtMs, endedAtMs: nowMs };
    onChecked({ kind: 'hub-check', ...facts, ...attempt });
  }
}
