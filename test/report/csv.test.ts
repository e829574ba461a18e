import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvHeader, csvLine } from '../../src/files/csv-line.ts';
import { REGISTRATION_RESULTS, type RegistrationOutcome } from '../../src/registration/registration-outcome.ts';
import {
  FAILURES_CSV_NAMES,
  failuresCsvCells,
  type RowFacts,
  type RowLook,
  registrationsCsv,
} from '../../src/report/registrations-csv.ts';
import { notAssigned, outcomeRecord } from '../support/sample-journal.ts';

const EPOCH_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

/** The record as a program reads it that knows nothing of dpsload. */
function row(
  outcome: RegistrationOutcome,
  {
    others = ['Site'],
    withAgents = false,
    withHubChecks = false,
    hubCheck = null,
  }: Partial<RowLook> & Partial<Pick<RowFacts, 'hubCheck'>> & { readonly others?: readonly string[] } = {},
): Record<string, string> {
  const { names, cells } = registrationsCsv({ withAgents, withHubChecks });
  const line = csvLine(cells(outcome, { clockEpochMs: EPOCH_MS, hubCheck }));
  const [record] = parse(csvHeader(names(others)) + line, { columns: true });
  return record as Record<string, string>;
}

it('a line of CSV reads back, whatever its fields hold', () => {
  const field = fc.string({ unit: fc.constantFrom('a', 'ü', ' ', ',', '"', '\n', '\r', ';', '=', "'") });
  fc.assert(
    fc.property(fc.array(field, { minLength: 2, maxLength: 6 }), (fields) => {
      const [back] = parse(csvLine(fields), { relax_column_count: true });
      expect(back).toEqual(fields);
    }),
  );
});

describe('registrations.csv', () => {
  it('has the columns of the contract', () => {
    expect(csvHeader(registrationsCsv({ withAgents: false, withHubChecks: false }).names(['Site', 'Line']))).toBe(
      'registration_id,round,result,assigned_hub,device_id,substatus,group,expected_hub,hub_ok,attempts,registers_sent,' +
        'possibly_twice,polls,throttles,error_code,error_message,tracking_id,operation_id,service_created_at,' +
        'service_updated_at,started_at,finished_at,response_ms,held_ms,service_ms,waited_ms,returned_payload,Site,Line\n',
    );
  });

  it('tells all of an assigned registration', () => {
    const outcome = outcomeRecord(7, {
      round: 2,
      group: 'line-a',
      expectedHub: 'HUB-B.azure-devices.net',
      heldMs: 4,
      returnedPayload: '{"a":1}',
    });
    expect(row(outcome)).toEqual({
      registration_id: 'dev-000007',
      round: '2',
      result: 'assigned',
      assigned_hub: 'hub-b.azure-devices.net',
      device_id: 'dev-000007',
      substatus: 'initialAssignment',
      group: 'line-a',
      expected_hub: 'HUB-B.azure-devices.net',
      hub_ok: 'true',
      attempts: '1',
      registers_sent: '1',
      possibly_twice: 'false',
      polls: '1',
      throttles: '0',
      error_code: '',
      error_message: '',
      tracking_id: '',
      operation_id: '4.0b1c2d3e4f5a6b7c.00000000-0000-4000-8000-000000000007',
      service_created_at: '2026-01-02T03:04:06.1234567Z',
      service_updated_at: '2026-01-02T03:04:06.3334567Z',
      started_at: '2026-01-02T03:04:05.758Z',
      finished_at: '2026-01-02T03:04:08.958Z',
      response_ms: '3210',
      held_ms: '4',
      service_ms: '200',
      waited_ms: '3000',
      returned_payload: '{"a":1}',
      Site: 'site 1',
    });
  });

  it('leaves empty what is not known of one that never started', () => {
    const never = {
      intendedAtMs: null,
      startedAtMs: null,
      finishedAtMs: null,
      attempts: 0,
      registersSent: 0,
      polls: 0,
    };
    const record = row(outcomeRecord(0, notAssigned({ result: 'not-started', ...never })));
    const empty = Object.keys(record).filter((column) => record[column] === '');
    expect(empty).toEqual([
      ...['assigned_hub', 'device_id', 'substatus', 'group', 'expected_hub', 'hub_ok', 'error_code', 'error_message'],
      ...['tracking_id', 'operation_id', 'service_created_at', 'service_updated_at', 'started_at', 'finished_at'],
      ...['response_ms', 'held_ms', 'service_ms', 'waited_ms', 'returned_payload'],
    ]);
    expect([record['attempts'], record['registers_sent'], record['polls']]).toEqual(['0', '0', '0']);
  });

  it("keeps a fleet's column apart that is called like one of its own", () => {
    const record = row(outcomeRecord(0, { otherValues: ['mine', 'site'] }), { others: ['result', 'Site'] });
    expect(record).toMatchObject({ result: 'assigned', fleet_result: 'mine', Site: 'site' });
  });

  it('names the agent of each registration, but only if the run used agents', () => {
    const [with_, without] = [true, false].map((withAgents) =>
      registrationsCsv({ withAgents, withHubChecks: false }).names(['agent', 'Site']),
    );
    expect(with_).toEqual([...(without ?? []).slice(0, -2), 'agent', 'fleet_agent', 'Site']);
    expect(row(outcomeRecord(0, { agent: 'west-1' }), { withAgents: true })).toMatchObject({
      agent: 'west-1',
      Site: 'site 0',
    });
    expect(row(outcomeRecord(0), { withAgents: true })).toMatchObject({ agent: '' });
    expect(row(outcomeRecord(0))).not.toHaveProperty('agent');
  });

  it('says how each device fared at its hub, but only if the run checked that', () => {
    expect(row(outcomeRecord(0), { withHubChecks: true, hubCheck: 'hub-refused' })).toMatchObject({
      hub_check: 'hub-refused',
      Site: 'site 0',
    });
    expect(row(outcomeRecord(0), { withHubChecks: true })).toMatchObject({ hub_check: '' });
    expect(row(outcomeRecord(0))).not.toHaveProperty('hub_check');
  });
});

describe('failures.csv', () => {
  it.each(REGISTRATION_RESULTS)('%s', (result) => {
    const listed = !['assigned', 'not-started'].includes(result);
    expect(failuresCsvCells(outcomeRecord(0, { result })) !== null).toBe(listed);
  });

  it('gives ID and reason', () => {
    const outcome = outcomeRecord(0, {
      result: 'refused',
      errorCode: '401000',
      errorMessage: 'No, "no"',
      trackingId: 't-1',
    });
    expect(csvHeader(FAILURES_CSV_NAMES) + csvLine(failuresCsvCells(outcome) ?? [])).toBe(
      'registration_id,result,error_code,error_message,tracking_id\ndev-000000,refused,401000,"No, ""no""",t-1\n',
    );
  });
});
