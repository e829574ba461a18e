import type { RegistrationStateBody } from '../dps/payloads.ts';
import { foldRegistrationId } from '../dps/registration-id.ts';
import type { Clock, Timer } from '../time/clock.ts';
import { findingLines, latestLines } from './conversation/conversation-text.ts';
import type { KeptConversations } from './conversation/kept-conversations.ts';
import type { ProvisioningService } from './service/provisioning-service.ts';

export type WaitOptions = {
  /** Default: 10 s, enough for three polls with the usual retry-after. */
  readonly timeoutMs?: number;
  /** Default: the first instance. */
  readonly idScope?: string;
};

const TIMEOUT_MS_DEFAULT = 10_000;
/** How often is looked: an assignment comes with time, not with an event. */
const LOOK_EVERY_MS = 10;
/** By then, the emulator has forgotten an operation. */
const OPERATION_MAX_MS = 20 * 60_000;
/** What a message shows of a device. */
const STEPS_SHOWN = 12;
const DEVICES_SHOWN = 5;

type Watched = {
  readonly service: ProvisioningService;
  readonly clock: Clock;
  readonly serviceTimeMs: () => number;
  readonly conversations: KeptConversations | null;
};

type Wait = {
  readonly idScope: string;
  readonly registrationId: string;
  readonly ended: (registration: RegistrationStateBody) => void;
  readonly untilMs: number;
  /** Says why, unless `ended` was called. */
  readonly givenUp: (isClosed: boolean) => unknown;
};

/** Waits for registrations to end. */
export class RegistrationWatch {
  readonly #watched: Watched;
  readonly #waits = new Set<Wait>();
  /** Of those that nobody awaits: one is enough for a device. */
  readonly #announced = new Set<string>();
  #timer: Timer | null = null;
  #isClosed = false;

  constructor(watched: Watched) {
    this.#watched = watched;
  }

  wait(registrationId: string, { timeoutMs = TIMEOUT_MS_DEFAULT, idScope = this.#firstScope }: WaitOptions = {}) {
    return new Promise<RegistrationStateBody>((resolve, reject) => {
      const untilMs = this.#watched.clock.nowMs() + timeoutMs;
      const givenUp = (isClosed: boolean): void => {
        const when = isClosed ? 'before the emulator was closed' : `within ${timeoutMs} ms`;
        reject(new Error(this.#explained(registrationId, idScope, when)));
      };
      this.#add({ idScope, registrationId, ended: resolve, untilMs, givenUp });
    });
  }

  /** Calls once the operation of the device has ended. */
  whenEnded(idScope: string, registrationId: string, ended: Wait['ended']): void {
    const key = `${idScope}/${foldRegistrationId(registrationId)}`;
    if (this.#announced.has(key)) return;
    this.#announced.add(key);
    const untilMs = this.#watched.clock.nowMs() + OPERATION_MAX_MS;
    const forget = (): unknown => this.#announced.delete(key);
    const announce = (registration: RegistrationStateBody): void => {
      forget();
      ended(registration);
    };
    this.#add({ idScope, registrationId, ended: announce, untilMs, givenUp: forget });
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    for (const wait of this.#waits) wait.givenUp(true);
    this.#waits.clear();
  }

  get #firstScope(): string {
    const [first] = this.#watched.service.instances;
    return first?.idScope ?? '';
  }

  #add(wait: Wait): void {
    if (this.#hasEnded(wait)) return;
    if (this.#isClosed) {
      wait.givenUp(true);
      return;
    }
    this.#waits.add(wait);
    this.#timer ??= this.#nextLook();
  }

  #nextLook(): Timer {
    const { clock } = this.#watched;
    return clock.wakeAt(clock.nowMs() + LOOK_EVERY_MS, () => this.#look());
  }

  #look(): void {
    const nowMs = this.#watched.clock.nowMs();
    for (const wait of [...this.#waits]) {
      const hasEnded = this.#hasEnded(wait);
      if (!hasEnded && nowMs < wait.untilMs) continue;
      this.#waits.delete(wait);
      if (!hasEnded) wait.givenUp(false);
    }
    this.#timer = this.#waits.size > 0 ? this.#nextLook() : null;
  }

  #hasEnded({ idScope, registrationId, ended }: Wait): boolean {
    const { service, serviceTimeMs } = this.#watched;
    const registration = service.registration(idScope, registrationId, serviceTimeMs());
    if (registration?.status !== 'assigned' && registration?.status !== 'failed') return false;
    ended(registration);
    return true;
  }

  #explained(registrationId: string, idScope: string, when: string): string {
    const { service, serviceTimeMs, conversations } = this.#watched;
    const registration = service.registration(idScope, registrationId, serviceTimeMs());
    const state = registration === null ? 'no register request was accepted' : `it is ${registration.status}`;
    const heading = `Device ${JSON.stringify(registrationId)} was not assigned in ID scope ${idScope} ${when}: ${state}.`;
    return [heading, ...this.#doneBy(registrationId, conversations)].join('\n');
  }

  #doneBy(registrationId: string, conversations: KeptConversations | null): readonly string[] {
    if (conversations === null) return ['What it did is unknown: no conversations are kept.'];
    const conversation = conversations.conversation(registrationId);
    if (conversation === null) {
      const others = conversations.summaries('', DEVICES_SHOWN).map((device) => JSON.stringify(device.registrationId));
      const devices = others.length === 0 ? 'No device has connected.' : `Others have: ${others.join(', ')}.`;
      return [`No CONNECT with this client ID has arrived. ${devices}`];
    }
    const findings = conversation.findings.filter(({ severity }) => severity === 'error');
    return [
      'What it did last:',
      ...latestLines(conversation.registrationId, conversation, STEPS_SHOWN),
      ...findings.flatMap(findingLines),
    ];
  }
}
