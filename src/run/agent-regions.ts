import { labelValue } from '../fleet/pin-column.ts';
import { REGION_LABEL } from '../journal/agent-record.ts';
import { OperatorError, type Problem, problem } from '../problem/operator-error.ts';
import { quoteValue } from '../problem/quote-value.ts';
import type { RunRequest } from './run-request.ts';

/**
 * Where hubs are expected by region, each agent must be in one of those regions: its label says so, or else that of the run.
 *
 * @throws OperatorError `usage` with every agent that is not
 */
export function refuseUnplacedAgents({ scenario, agents }: Pick<RunRequest, 'scenario' | 'agents'>): void {
  const { allocation, region } = scenario;
  if (allocation?.by !== 'region') return;
  const names = allocation.cohorts.map(({ name }) => name);
  const problems = agents.flatMap(({ name, labels }): Problem[] => {
    const place = labelValue(labels, REGION_LABEL) ?? region;
    if (place !== null && names.includes(place)) return [];
    const message =
      place === null
        ? `hubs are expected by region, but agent ${name} has no label ${REGION_LABEL}`
        : `no hubs are expected for the region ${quoteValue(place)} of agent ${name}`;
    const remedy = `Start it with --label ${REGION_LABEL}=REGION, one of ${names.join(', ')}`;
    return [problem(message, remedy)];
  });
  if (problems.length > 0) throw new OperatorError('usage', problems);
}
