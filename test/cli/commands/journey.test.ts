import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  executeJourney,
  JOURNEY_FILE,
  type Journey,
  type JourneyCommands,
} from '../../../src/cli/commands/execute-journey.ts';
import { type JourneyEnd, journeyText, nextSteps } from '../../../src/cli/view/journey-text.ts';
import { OperatorError, problem } from '../../../src/problem/operator-error.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const NO_STATES = {
  ...{ created: 0, updated: 0, 'exists-same': 0, 'exists-different': 0, failed: 0 },
  ...{ disabled: 0, 'already-disabled': 0, deleted: 0, missing: 0 },
};

const RUN = {
  ...{ verdict: 'all-assigned', plannedRegistrations: 40, thresholds: [] },
  ...{ results: { assigned: 40, failed: 0 }, hubs: [{}, {}] },
  hubCheck: { check: 'twin', devices: 40, sampled: 4, passed: 4, failed: 0, left: 0 },
};

const AUDIT = {
  rows: { agrees: 40, differs: 0, missing: 0, resolved: 0, unresolved: 0, notSent: 0, removed: 0 },
  ...{ extra: null, extraAllowed: false },
};

const REMOVED = { deleted: 40, gone: 0, kept: 0, failed: 0 };

/** Commands that end as the test says, and otherwise well; `called` names those that were used. */
function commands(changed: Readonly<Record<string, unknown>> = {}) {
  const called: string[] = [];
  const ends: Readonly<Record<string, unknown>> = {
    executeEnroll: { summary: { states: { ...NO_STATES, created: 40 }, notDone: 0 }, exitCode: 0, stoppedBy: null },
    runPart: { summary: RUN, exitCode: 0 },
    resumeRun: { summary: RUN, exitCode: 0 },
    auditFolder: { summary: AUDIT, exitCode: 0 },
    cleanRun: { counts: REMOVED, stop: null, exitCode: 0 },
    cleanEnrollments: { counts: REMOVED, stop: null, exitCode: 0 },
    ...changed,
  };
  const entries = Object.entries(ends).map(([name, end]) => {
    const command = async (): Promise<unknown> => {
      called.push(name);
      if (end instanceof Error) throw end;
      return end;
    };
    return [name, command] as const;
  });
  return { called, commands: Object.fromEntries(entries) as unknown as JourneyCommands };
}

const RESUME = 'resume: dpsload journey --resume results/j --cleanup';

const root = temporaryFolder();
let errors = '';
beforeEach(() => {
  errors = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    errors += String(text);
    return true;
  });
});
afterEach(() => vi.restoreAllMocks());

async function travel(changed: Readonly<Record<string, unknown>> = {}, changes: Partial<Journey> = {}) {
  const made = commands(changed);
  const folder = mkdtempSync(join(root, 'journey-'));
  const connection = { hostName: 'dps.example', policyName: 'owner', key: 'AAAA' };
  const journey = {
    ...{
      folder,
      target: 'dps.example, ID scope 0ne00111111',
      runFlags: { idScope: '0ne00111111', host: 'dps.example' },
    },
    ...{ request: { flags: {}, scenarioFile: null }, inputs: { rows: 40, keyedFleet: null, access: { connection } } },
    ...{ emulator: null, began: { enroll: false, run: false }, choice: { cleanup: true, quiet: true, color: false } },
    ...{ isStopped: () => null, ...changes },
  };
  journey.runFlags = { ...journey.runFlags, fleet: 'fleet.csv', attestation: 'device-key' } as never;
  const end = await executeJourney(journey as unknown as Journey, made.commands);
  const place = { folder: 'results/j', isOver: null, cleansUp: true };
  return { end, called: made.called, folder, next: nextSteps(end, place), steps: end.steps.map(({ step }) => step) };
}

const ALL = ['executeEnroll', 'runPart', 'auditFolder', 'cleanRun', 'cleanEnrollments'];

describe('a journey', () => {
  it('takes every step, and says in a line what came of each, and where', async () => {
    const { end, called, next, folder } = await travel();
    expect(errors).toBe('');
    expect([end.exitCode, called, next]).toEqual([0, ALL, null]);
    expect(journeyText(end).split('\n')).toEqual([
      'journey    40 devices, dps.example, ID scope 0ne00111111',
      'enroll     40 created                                  enroll/',
      'register   40 of 40 assigned, at 2 hubs                run/',
      'hub check  4 passed (twin, sampled from 40 devices)    run/',
      'audit      40 records agree                            run/',
      'clean up   40 records deleted, 40 enrollments deleted  run/, enroll/',
      '',
    ]);
    expect(JSON.parse(readFileSync(join(folder, JOURNEY_FILE), 'utf8'))).toEqual(end);
  });

  it('ends before it registers where an enrollment differs', async () => {
    const states = { ...NO_STATES, created: 39, 'exists-different': 1 };
    const executeEnroll = { summary: { states, notDone: 0 }, exitCode: 3, stoppedBy: null };
    const { end, called, next } = await travel({ executeEnroll });
    expect([end.exitCode, called]).toEqual([3, ['executeEnroll']]);
    expect(end.steps[0]?.text).toBe('39 created, 1 exists-different');
    expect(next).toEqual({
      advice:
        'enroll/enrollments.csv says what went wrong. Correct the fleet or the enrollments, or overwrite it with --update; then start the journey again.',
      commands: [],
    });
  });

  it('ends before the audit where a hub refuses a device', async () => {
    const summary = { ...RUN, hubCheck: { ...RUN.hubCheck, passed: 3, failed: 1 } };
    const { end, called, next } = await travel({ runPart: { summary, exitCode: 3 } });
    expect([end.exitCode, called]).toEqual([3, ['executeEnroll', 'runPart']]);
    expect(end.steps.map(({ step, exitCode }) => [step, exitCode])).toEqual([
      ['enroll', 0],
      ['register', 0],
      ['hub check', 3],
    ]);
    expect(next).toEqual({ advice: 'run/hub-checks.csv says what went wrong.', commands: [RESUME] });
  });

  it('deletes nothing where a record is missing', async () => {
    const summary = { ...AUDIT, rows: { ...AUDIT.rows, agrees: 39, missing: 1 } };
    const { end, called, next } = await travel({ auditFolder: { summary, exitCode: 3 } });
    expect([end.exitCode, called]).toEqual([3, ALL.slice(0, 3)]);
    expect(end.steps.at(-1)?.text).toBe('39 records agree, 1 missing');
    expect(next?.advice).toBe('run/audit.csv says what went wrong.');
  });

  it('says how to try devices again that the service refused', async () => {
    const summary = { ...RUN, verdict: 'some-failed', results: { assigned: 38, failed: 2 } };
    const { end, next } = await travel({ runPart: { summary, exitCode: 3 } });
    expect(end.steps[1]?.text).toBe('38 of 40 assigned, at 2 hubs; 2 failed');
    expect(next?.commands).toEqual(['refused devices: dpsload resume results/j/run --retry-failed', RESUME]);
  });

  it('does not say of a run that was stopped that there is nothing to do', async () => {
    const summary = { ...RUN, verdict: 'stopped', results: { assigned: 38, failed: 0 } };
    const { end } = await travel({ runPart: { summary, exitCode: 130 } });
    expect(end.steps[1]?.text).toBe('38 of 40 assigned, at 2 hubs; not complete');
  });

  it('says where to see which threshold failed', async () => {
    const { end, called, next } = await travel({ runPart: { summary: RUN, exitCode: 99 } });
    expect([end.exitCode, called]).toEqual([99, ['executeEnroll', 'runPart']]);
    expect(next).toEqual({
      advice: 'run/report.html shows which threshold or verdict failed.',
      commands: [RESUME],
    });
  });

  it('goes on where thresholds pass, and does not call that every device', async () => {
    const summary = { ...RUN, verdict: 'some-failed', results: { assigned: 38, failed: 2 } };
    const { end, called } = await travel({ runPart: { summary, exitCode: 0 } });
    expect([end.exitCode, called]).toEqual([3, ALL]);
  });

  it('ends with the code of an error that a step ends with, and shows it', async () => {
    const unreachable = new OperatorError('unreachable', [problem('dps.example does not answer', 'Try later')]);
    const { end, next, steps } = await travel({ auditFolder: unreachable });
    expect([end.exitCode, steps.at(-1)]).toEqual([4, 'audit']);
    expect(errors).toContain('dps.example does not answer. Try later.');
    expect(next).toEqual({ advice: null, commands: [RESUME] });
  });

  it('begins no step after a signal', async () => {
    const { end, called } = await travel({}, { isStopped: () => 'interrupted' });
    expect([end.exitCode, called]).toEqual([130, []]);
  });

  it('goes on with the run of its folder', async () => {
    const { called } = await travel({}, { began: { enroll: false, run: true } });
    expect(called.slice(0, 2)).toEqual(['executeEnroll', 'resumeRun']);
  });

  it('tells that nothing is left to resume of the embedded emulator', () => {
    const steps: JourneyEnd['steps'] = [{ step: 'audit', text: '', counts: {}, exitCode: 3, isWhole: false }];
    const place = { folder: 'results/j', isOver: 'emulator', cleansUp: false } as const;
    expect(nextSteps({ steps, exitCode: 3 }, place)).toEqual({
      advice: expect.stringContaining('start a new journey'),
      commands: [],
    });
  });

  it('says that nothing was changed where the service refused to be read', () => {
    const steps: JourneyEnd['steps'] = [{ step: 'enroll', text: '', counts: {}, exitCode: 4, isWhole: false }];
    const place = { folder: 'results/j', isOver: 'not-begun', cleansUp: false } as const;
    expect(nextSteps({ steps, exitCode: 4 }, place)).toEqual({
      advice: 'Nothing was changed at the service. Start the journey again.',
      commands: [],
    });
  });
});
