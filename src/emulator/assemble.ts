import { randomUUID } from 'node:crypto';
import { AdvancedClock } from '../time/advanced-clock.ts';
import { hrtimeMs, systemClock } from '../time/system-clock.ts';
import type { EmulatorConfig } from './config/read-emulator-config.ts';
import { EMULATOR_HOST_DEFAULT, type EmulatorOptions } from './emulator.ts';
import { linkedHubs, ownNames } from './linked-hubs.ts';
import { type ObservedDevices, observeDevices } from './observed-devices.ts';
import { openState } from './open-state.ts';
import type { AdvancedContext } from './running-config.ts';
import type { EmulatedHubs } from './server/emulated-hubs.ts';
import type { SessionContext } from './server/mqtt-session.ts';
import { OpenSessions } from './server/open-sessions.ts';
import { SESSION_LIMITS_DEFAULT } from './server/packet-stream.ts';
import { WebhookCaller } from './server/webhooks.ts';
import { FaultPlan } from './service/fault-plan.ts';
import type { HubAssignment } from './service/hub-assignment.ts';
import { ProvisioningService } from './service/provisioning-service.ts';
import type { StateLine } from './service/state-kind.ts';
import type { KeptState } from './state/keep-state.ts';

/** The parts of an emulator, before it listens. */
export type Assembled = {
  readonly context: AdvancedContext;
  readonly webhooks: WebhookCaller;
  readonly hubs: EmulatedHubs;
  /** `null` = nothing is kept. */
  readonly state: KeptState | null;
  readonly devices: ObservedDevices;
};

function startClocks() {
  const clock = systemClock(hrtimeMs());
  const serviceClock = new AdvancedClock(clock);
  const startedAtMs = clock.epochMs();
  const originMs = startedAtMs - clock.nowMs();
  // The wall clock at the start, and the monotonic clock from then on.
  const serviceTimeMs = (): number => originMs + serviceClock.nowMs();
  return { clock, serviceClock, startedAtMs, serviceTimeMs };
}

/** Builds what an emulator consists of. @throws OperatorError when the state file cannot be used */
export async function assemble(
  { instances, behavior, faults, seed }: EmulatorConfig,
  { host = EMULATOR_HOST_DEFAULT, serverNames, hubPort = null, ...others }: EmulatorOptions,
): Promise<Assembled> {
  const { limits, conversations, log = () => {}, stateFile: file = null } = others;
  const { clock, serviceClock, startedAtMs, serviceTimeMs } = startClocks();
  const plan = new FaultPlan(faults, seed, startedAtMs, ({ fault, point, registrationId: id }) => {
    service.counters.faultsInjected += 1;
    service.counters.faultRecordsDropped = plan.droppedRecords;
    if (id !== null) devices.conversations?.note(id, `fault ${fault} at ${point}`, serviceTimeMs());
    log(`${id === null ? 'unknown device' : JSON.stringify(id)}: fault ${fault} at ${point}`);
  });
  const changes: StateLine[] | null = file === null ? null : [];
  const ofService = { behavior: () => service.behavior, changes, keepSoon: () => whenKept(() => {}) };
  const hubs = linkedHubs(instances, ownNames(host, serverNames), { serviceClock, serviceTimeMs, ...ofService });
  // Without their port, nobody can connect to the hubs: a million devices then take no memory there.
  const toHubs = hubPort === null ? {} : { onAssigned: (assigned: HubAssignment) => hubs.assign(assigned) };
  const ids = { newGuid: randomUUID, changes };
  const service = new ProvisioningService({ instances, behavior, startedAtMs, faults: plan, ...ids, ...toHubs });
  const kept = { service, hubs: hubPort === null ? null : hubs, nowMs: serviceTimeMs(), log };
  const state = await openState({ file, changes, ...kept });
  const whenKept: SessionContext['whenKept'] = state?.whenKept ?? ((then) => then(true));
  const webhooks = new WebhookCaller(serviceClock, serviceTimeMs, log);
  const devices = observeDevices({ service, clock, serviceTimeMs }, conversations);
  const context: AdvancedContext = {
    service,
    faults: plan,
    clock,
    serviceClock,
    serviceTimeMs,
    limits: { ...SESSION_LIMITS_DEFAULT, ...limits },
    get behavior() {
      return service.behavior;
    },
    callWebhooks: () => {
      // What a webhook decides is kept even if nobody asks for it.
      for (const call of service.takeWebhookCalls()) void webhooks.call(call).then(() => whenKept(() => {}));
    },
    whenKept,
    clearState: async () => state?.clear(),
    registered: devices.registered,
    conversations: devices.conversations,
    openSessions: new OpenSessions(),
    log,
  };
  return { context, webhooks, state, devices, hubs };
}
