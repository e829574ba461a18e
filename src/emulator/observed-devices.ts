import { EventEmitter } from 'node:events';
import type { RegistrationStateBody } from '../dps/payloads.ts';
import type { Clock } from '../time/clock.ts';
import type { Connection, Conversation, Step } from './conversation/conversation.ts';
import type { Finding } from './conversation/finding.ts';
import {
  CONVERSATION_LIMITS_DEFAULT,
  type ConversationLimits,
  KeptConversations,
} from './conversation/kept-conversations.ts';
import { RegistrationWatch, type WaitOptions } from './registration-watch.ts';
import type { ConnectedDevice } from './service/connect-check.ts';
import type { ProvisioningService } from './service/provisioning-service.ts';

/** What an emulator tells as it happens. All but `registration` need conversations to be kept. */
export type EmulatorEvents = {
  /** A CONNECT arrived. */
  connection: [event: { readonly registrationId: string; readonly connection: Connection }];
  /** A packet in either direction, a refusal or fault, or the end of a connection. The CONNECT is the first. */
  step: [event: { readonly registrationId: string; readonly connection: Connection; readonly step: Step }];
  /** The first time that a device does something that the real service would dislike; comes after its step. */
  finding: [event: { readonly registrationId: string; readonly finding: Finding }];
  /** A registration ended, as assigned or failed, whether or not the device has asked. */
  registration: [event: { readonly idScope: string; readonly registration: RegistrationStateBody }];
};

/** What tests and people can see of devices. */
export type DeviceView = {
  readonly events: EventEmitter<EmulatorEvents>;
  /** What a device did, with what is wrong with it; `null` = it has not connected, or is no longer kept. */
  conversation(registrationId: string): Conversation | null;
  /**
   * Resolves once the device is assigned or has failed, or at once if that is already so. A rejection says what the device has
   * done so far.
   */
  waitForRegistration(registrationId: string, options?: WaitOptions): Promise<RegistrationStateBody>;
};

export type ObservedDevices = {
  readonly view: DeviceView;
  readonly conversations: KeptConversations | null;
  /** Called with each register request that was accepted. */
  readonly registered: (device: ConnectedDevice) => void;
  /** Rejects what still waits. */
  close(): void;
};

type Observed = {
  readonly service: ProvisioningService;
  readonly clock: Clock;
  readonly serviceTimeMs: () => number;
};

/** @param limits `null` = keeps no conversations */
export function observeDevices(observed: Observed, limits: Partial<ConversationLimits> | null = {}): ObservedDevices {
  const events = new EventEmitter<EmulatorEvents>();
  const listener = {
    onStep(registrationId: string, connection: Connection, step: Step): void {
      if (step.type === 'connect' && connection.steps.length === 1)
        events.emit('connection', { registrationId, connection });
      events.emit('step', { registrationId, connection, step });
    },
    onFinding: (registrationId: string, finding: Finding) => void events.emit('finding', { registrationId, finding }),
    wantsFindings: () => events.listenerCount('finding') > 0,
  };
  const conversations =
    limits === null ? null : new KeptConversations({ ...CONVERSATION_LIMITS_DEFAULT, ...limits }, listener);
  const watch = new RegistrationWatch({ ...observed, conversations });
  return {
    view: {
      events,
      conversation: (registrationId) => conversations?.conversation(registrationId) ?? null,
      waitForRegistration: (registrationId, options) => watch.wait(registrationId, options),
    },
    conversations,
    registered({ instance: { idScope }, registrationId }) {
      if (events.listenerCount('registration') === 0) return;
      watch.whenEnded(idScope, registrationId, (registration) =>
        events.emit('registration', { idScope, registration }),
      );
    },
    close: () => watch.close(),
  };
}
