import { describe, expect, it } from 'vitest';
import { REGISTRATION_POLICY_DEFAULT } from '../../src/registration/registration-policy.ts';
import { runRegistration } from '../../src/registration/run-registration.ts';
import { launch } from '../support/launches.ts';
import { stalledTimes } from '../support/sample-journal.ts';
import { ScriptedConversation } from '../support/scripted-conversation.ts';
import { UNHEARD } from '../support/unheard.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** A registration led by hand, on an event loop that stands still as told. */
function begin(start = { slotWaitMs: 0, heldMs: 0, startLagMs: 0 }) {
  const clock = new VirtualClock();
  let stalledMs = 0;
  const lines: ScriptedConversation[] = [];
  const running = runRegistration({
    ...UNHEARD,
    launch: launch(0),
    credentials: { keys: 1, password: () => null, clientCertificate: null },
    policy: REGISTRATION_POLICY_DEFAULT,
    seed: 1,
    clock,
    start,
    stalledMs: () => stalledMs,
    openConversation: (identity, onEvent) => {
      const line = new ScriptedConversation(identity, onEvent);
      lines.push(line);
      return line;
    },
    idScope: '0ne00111111',
    apiVersion: '2021-06-01',
    userAgent: 'test',
  });
  const line = (): ScriptedConversation => {
    const last = lines.at(-1);
    if (last === undefined) throw new Error('no conversation');
    return last;
  };
  return {
    running,
    line,
    runFor: (durationMs: number) => clock.advanceTo(clock.nowMs() + durationMs),
    /** Nothing runs for so long, not even timers. */
    standStillFor(durationMs: number) {
      stalledMs += durationMs;
      clock.jumpTo(clock.nowMs() + durationMs);
    },
  };
}

const ASSIGNING = '{"operationId":"op","status":"assigning"}';
const ASSIGNED = '{"status":"assigned","registrationState":{"assignedHub":"hub-a"}}';

describe('stalls of the event loop', () => {
  it('count for the phases that they overlap with, and for no other', async () => {
    const { running, line, runFor, standStillFor } = begin();
    runFor(1);
    line().emit({ type: 'tcpConnected' });
    standStillFor(30);
    line().emit({ type: 'secured' });
    runFor(1);
    line().emit({ type: 'connected' });
    line().emit({ type: 'ready' });
    runFor(20);
    standStillFor(100);
    line().answer(200, ASSIGNED);
    const { stalled, phases } = await running.outcome;
    expect(phases).toMatchObject({ tcpMs: 1, tlsMs: 30, connackMs: 1, acceptedMs: 120 });
    expect(stalled).toEqual(stalledTimes({ tlsMs: 30, acceptedMs: 100, serviceMs: 130 }));
  });

  it('count within a pause only as far as it ends late', async () => {
    const { running, line, runFor, standStillFor } = begin();
    line().connect();
    runFor(50);
    line().answer(202, ASSIGNING, 3);
    runFor(500);
    standStillFor(1_000);
    runFor(1_400);
    standStillFor(150);
    runFor(0);
    runFor(20);
    line().answer(200, ASSIGNED);
    const { stalled, waitedMs } = await running.outcome;
    expect(waitedMs).toBe(3_000);
    expect(stalled).toEqual(stalledTimes({ assignedMs: 50, serviceMs: 50 }));
  });

  it('are those of the last connection, as the phases are, but all count for the service time', async () => {
    const { running, line, runFor, standStillFor } = begin();
    standStillFor(40);
    line().emit({ type: 'tcpConnected' });
    line().emit({ type: 'lost', failure: { kind: 'closed', code: null, message: 'reset', reached: false } as never });
    runFor(60_000);
    line().connect();
    runFor(10);
    line().answer(200, ASSIGNED);
    expect((await running.outcome).stalled).toEqual(stalledTimes({ serviceMs: 40 }));
  });

  it('are nothing where there were none; a late start is kept', async () => {
    const onTime = begin();
    onTime.line().connect();
    onTime.line().answer(200, ASSIGNED);
    expect((await onTime.running.outcome).stalled).toBeNull();
    const late = begin({ slotWaitMs: 7, heldMs: 100, startLagMs: 20 });
    late.line().connect();
    late.line().answer(200, ASSIGNED);
    expect(await late.running.outcome).toMatchObject({
      slotWaitMs: 7,
      stalled: stalledTimes({ heldMs: 100, startLagMs: 20 }),
    });
  });
});
