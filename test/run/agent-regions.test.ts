import { describe, expect, it } from 'vitest';
import type { AllocationExpectation } from '../../src/allocation/allocation-expectation.ts';
import { refuseUnplacedAgents } from '../../src/run/agent-regions.ts';
import type { RunRequest } from '../../src/run/run-request.ts';
import { AGENTS } from '../support/agents-journal.ts';
import { operatorError } from '../support/fleet-file.ts';
import { EVEN_THIRDS } from '../support/run-measures.ts';

const cohort = (name: string) => ({ name, hubs: [{ hub: `hub-${name}`, weight: 1 }] });
const BY_REGION = { ...EVEN_THIRDS, by: 'region', cohorts: ['westeurope', 'northeurope'].map(cohort) } as const;

type Place = { readonly allocation?: AllocationExpectation | null; readonly region?: string | null };

const refuse = (agents: RunRequest['agents'], { allocation = BY_REGION, region = null }: Place = {}): void =>
  refuseUnplacedAgents({ scenario: { allocation, region } as RunRequest['scenario'], agents });

describe('agents of a run that expects hubs by region', () => {
  const nowhere = { ...AGENTS[0], name: 'nowhere', labels: {} };
  const elsewhere = { ...AGENTS[0], name: 'elsewhere', labels: { region: 'eastus' } };

  it('are each in one of the regions, or the run is refused with all that are not', async () => {
    refuse(AGENTS);
    const { kind, problems } = await operatorError(() => refuse([...AGENTS, nowhere, elsewhere]));
    expect(kind).toBe('usage');
    expect(problems.map(({ message }) => message)).toEqual([
      'hubs are expected by region, but agent nowhere has no label region',
      'no hubs are expected for the region "eastus" of agent elsewhere',
    ]);
    expect(problems[0]?.remedy).toBe('Start it with --label region=REGION, one of westeurope, northeurope');
  });

  it('need no label where the run has a region, or expects nothing by region, or there are none', () => {
    refuse([nowhere], { region: 'westeurope' });
    refuse([nowhere, elsewhere], { allocation: EVEN_THIRDS });
    refuse([nowhere, elsewhere], { allocation: null });
    refuse([]);
  });
});
