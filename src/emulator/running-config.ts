import { messageOf, OperatorError, problem } from '../problem/operator-error.ts';
import type { AdvancedClock } from '../time/advanced-clock.ts';
import { configChanges } from './config/config-changes.ts';
import { readConfigPatch } from './config/config-patch.ts';
import { requireUsableKeys } from './config/instance-keys.ts';
import type { EmulatorConfig } from './config/read-emulator-config.ts';
import type { EmulatorControls } from './server/control-route.ts';
import type { EmulatedHubs } from './server/emulated-hubs.ts';
import type { SessionContext } from './server/mqtt-session.ts';
import { OutageTimers } from './server/outage-timers.ts';
import type { WebhookPrograms } from './server/webhook-programs.ts';
import { isSame } from './service/enrollment-store.ts';
import type { ServiceBehavior } from './service/service-behavior.ts';

/** What can change while an emulator runs. What is absent stays as it is. */
export type EmulatorChanges = Partial<Omit<EmulatorConfig, 'behavior'>> & {
  /** Only these members change. */
  readonly behavior?: Partial<ServiceBehavior>;
};

/** What all connections share, with a clock that can be put forward. */
export type AdvancedContext = SessionContext & {
  readonly serviceClock: AdvancedClock;
  /** Empties the state file, if there is one, of what the service has forgotten. */
  readonly clearState: () => Promise<void>;
};

/** The configuration of a running emulator, and how it changes. */
export class RunningConfig implements EmulatorControls {
  readonly #context: AdvancedContext;
  readonly #programs: WebhookPrograms;
  readonly #hubs: EmulatedHubs;
  readonly #outages: OutageTimers;
  #current: EmulatorConfig;
  #isClosed = false;
  /** Changes that are under way: programs take a while to start, and the next change begins with what this one has made. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(current: EmulatorConfig, context: AdvancedContext, programs: WebhookPrograms, hubs: EmulatedHubs) {
    this.#current = current;
    this.#context = context;
    this.#programs = programs;
    this.#hubs = hubs;
    this.#outages = new OutageTimers(context, hubs.openSessions);
    this.#outages.set(current.faults);
  }

  /**
   * For a state that was read: the time of the service does not go back because of a restart, which loses by how much it was put forward,
   * or of the machine's clock put back.
   */
  catchUp(): void {
    const { service, serviceTimeMs } = this.#context;
    const behindMs = (service.lastChangedAtMs() ?? 0) - serviceTimeMs();
    if (behindMs > 0) this.advance(behindMs);
  }

  get current(): EmulatorConfig {
    return this.#current;
  }

  /** Returns what has changed, a line for each kind, as the log has it. @throws OperatorError; then nothing has changed. */
  update(changes: EmulatorChanges): Promise<readonly string[]> {
    return this.#inTurn(() => changes);
  }

  change(text: string): Promise<readonly string[]> {
    return this.#inTurn(() => readConfigPatch(text, this.#current));
  }

  advance(durationMs: number): void {
    const { service, serviceClock } = this.#context;
    serviceClock.advance(durationMs);
    service.aheadMs = serviceClock.aheadMs;
  }

  /** Forgets devices, counts and faults. The rules of the faults begin anew, and their times with them. */
  reset(): void {
    const { service, faults, conversations, serviceTimeMs, clearState, log } = this.#context;
    service.reset(serviceTimeMs());
    this.#hubs.reset();
    clearState().catch((error: unknown) => log(messageOf(error)));
    conversations?.forget();
    faults.forgetRecords();
    this.#beginFaults();
  }

  close(): void {
    this.#isClosed = true;
    this.#outages.cancel();
  }

  #inTurn(changes: () => EmulatorChanges): Promise<readonly string[]> {
    const updated = this.#last.then(() => this.#update(changes()));
    this.#last = updated.catch(() => {});
    return updated;
  }

  async #update(changes: EmulatorChanges): Promise<readonly string[]> {
    const before = this.#current;
    const after = { ...before, ...changes, behavior: { ...before.behavior, ...changes.behavior } };
    requireInstance(after);
    requireUsableKeys(after.instances);
    const { service, serviceTimeMs, log } = this.#context;
    const instances = await this.#programs.follow(after.instances, before.behavior.webhookTimeoutMs);
    if (this.#isClosed) throw new Error('the emulator has been closed');
    this.#current = after;
    service.behavior = after.behavior;
    service.configure(instances, serviceTimeMs());
    this.#hubs.configure(instances);
    if (!isSame([before.faults, before.seed], [after.faults, after.seed])) this.#beginFaults();
    this.#context.whenKept(() => {});
    const lines = configChanges(before, after);
    for (const line of lines) log(`changed: ${line}`);
    return lines;
  }

  #beginFaults(): void {
    const { faults, serviceTimeMs } = this.#context;
    // A whole number, so that rounding cannot make an outage begin later than its timer.
    faults.begin(this.#current.faults, this.#current.seed, Math.floor(serviceTimeMs()));
    this.#outages.set(this.#current.faults);
  }
}

function requireInstance({ instances }: EmulatorConfig): void {
  if (instances.length > 0) return;
  throw new OperatorError('usage', [problem('there is no instance left', 'Keep at least one')]);
}
