import { describe, expect, it } from 'vitest';
import type {
  Conversation,
  ConversationEvent,
  ConversationIdentity,
  OpenConversation,
} from '../../src/conversation/conversation.ts';
import { REGISTRATION_POLICY_DEFAULT } from '../../src/registration/registration-policy.ts';
import { runRegistration } from '../../src/registration/run-registration.ts';
import { closeFence, fencedConversations, isClosed, newFence, openFence } from '../../src/worker/fence.ts';
import { launch } from '../support/launches.ts';
import { ScriptedConversation } from '../support/scripted-conversation.ts';
import { UNHEARD } from '../support/unheard.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const IDENTITY: ConversationIdentity = {
  registrationId: 'dev-1',
  idScope: '0ne00000001',
  apiVersion: '2021-06-01',
  userAgent: 'dpsload/test',
  password: null,
  clientCertificate: null,
};

/** A fence that is open until 1,000 ms on the clock and `wallMs` later on the wall clock, and what passes it. */
function fencedBench(wallMs = 1_000) {
  const clock = new VirtualClock();
  const fence = newFence();
  openFence(fence, 1_000, clock.epochMs() + wallMs);
  const passed: string[] = [];
  const events: ConversationEvent['type'][] = [];
  const open = (): Conversation => {
    passed.push('open');
    return {
      register: () => passed.push('register'),
      poll: () => passed.push('poll'),
      close: () => passed.push('close'),
    };
  };
  const fenced = fencedConversations(open, fence, clock);
  return { clock, events, fence, open: () => fenced(IDENTITY, ({ type }) => events.push(type)), passed };
}

describe('the fence of an agent', () => {
  it('is closed until the first renewal', () => {
    expect(isClosed(newFence(), new VirtualClock())).toBe(true);
  });

  it('lets everything through while it is open', () => {
    const { clock, events, open, passed } = fencedBench();
    clock.advanceTo(999);
    const conversation = open();
    conversation.register(null);
    conversation.poll('op');
    conversation.close();
    clock.advanceTo(5_000);
    expect([passed, events]).toEqual([['open', 'register', 'poll', 'close'], []]);
  });

  it.each([
    ['the clock has passed it', 1_000_000, 1_000],
    ['the wall clock has, as after the machine slept', 500, 500],
  ])('opens no connection once %s, and reports it as lost later', (_, wallMs, atMs) => {
    const { clock, events, open, passed } = fencedBench(wallMs);
    clock.advanceTo(atMs);
    open();
    expect([passed, events]).toEqual([[], []]);
    clock.advanceTo(atMs + 1);
    expect([passed, events]).toEqual([[], ['lost']]);
  });

  it('lets polls pass but no register request, and says so before anybody can count it', () => {
    const { events, fence, open, passed } = fencedBench();
    const conversation = open();
    closeFence(fence);
    conversation.poll('op');
    conversation.register(null);
    expect([passed, events]).toEqual([['open', 'poll', 'close'], ['unsent']]);
  });

  it('says nothing of a connection that was closed meanwhile', () => {
    const { clock, events, fence, open } = fencedBench();
    closeFence(fence);
    open().close();
    clock.advanceTo(1);
    expect(events).toEqual([]);
  });

  it('that closes before the register request and opens again leaves a registration that sent one', async () => {
    const { clock, fence } = fencedBench();
    const lines: ScriptedConversation[] = [];
    const open: OpenConversation = (identity, onEvent) => {
      lines.push(new ScriptedConversation(identity, onEvent));
      return lines.at(-1) as ScriptedConversation;
    };
    const { outcome } = runRegistration({
      ...UNHEARD,
      launch: launch(0),
      credentials: { keys: 1, password: () => 'P', clientCertificate: null },
      policy: REGISTRATION_POLICY_DEFAULT,
      seed: 1,
      clock,
      openConversation: fencedConversations(open, fence, clock),
      idScope: IDENTITY.idScope,
      apiVersion: IDENTITY.apiVersion,
      userAgent: IDENTITY.userAgent,
    });
    clock.advanceTo(1_000);
    lines[0]?.connect();
    openFence(fence, 60_000, clock.epochMs() + 60_000);
    clock.advanceTo(5_000);
    lines[1]?.connect();
    lines[1]?.answer(200, '{"status":"assigned","registrationState":{"assignedHub":"hub-a"}}');
    expect(lines.map(({ requests }) => requests)).toEqual([[], ['register null']]);
    expect(await outcome).toMatchObject({ attempts: 2, registersSent: 1, possiblyTwice: false });
  });
});
