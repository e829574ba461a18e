import { HOUR_MS } from '../../time/duration.ts';
import { durationBetween } from '../notation/duration.ts';
import { LOCAL_AGENTS } from '../notation/local-agents.ts';
import { wholeNumberBetween } from '../notation/notation.ts';
import { PIN_BY } from '../notation/pin-by.ts';
import { inGroup, setting } from './setting.ts';

/** One coordinator deals rows to no more; each has a queue and a stream in Redis. */
const AGENTS_MAX = 1_000;

/** Which agents host the workers of a run, instead of threads of this machine. */
export const AGENT_SETTINGS = inGroup('Agents', {
  agents: setting('load.agents', wholeNumberBetween(1, AGENTS_MAX), {
    defaultText: 'none, the workers are threads of this machine',
    reason: 'one machine suffices for most fleets',
    help: 'run the workers on this many agents (dpsload agent) and wait for them before the start; needs Redis, see --redis-file',
  }),
  localAgent: setting('load.localAgents', LOCAL_AGENTS, {
    reason: 'threads of one process suffice for one region',
    help: 'start an agent with these labels on this machine, for this run alone, and a redis-server for all of them: region=europe, or region=america@127.0.0.2 with a source address of its own; repeatable',
  }),
  agentsWithin: setting('load.agentsWithin', durationBetween(1_000, HOUR_MS), {
    default: 60_000,
    reason: 'a machine of a pool starts in less',
    help: 'how long to wait for the agents at the start, and later for those that the run cannot go on without (--agents-min, --pin-by)',
  }),
  agentsMin: setting('load.agentsMin', wholeNumberBetween(1, AGENTS_MAX), {
    default: 1,
    reason: 'the others can take the rows over',
    help: 'stop the run, which can be resumed, when fewer agents than this are left for longer than --agents-within',
  }),
  pinBy: setting('load.pinBy', PIN_BY, {
    defaultText: 'any agent',
    reason: 'most runs measure the service, not where its devices are',
    help: "register each row on agents whose label has the row's value in the column of that name, or in COLUMN with LABEL=COLUMN: with --label region=europe on agents and a column region, one run tests the lowest-latency policy from everywhere",
  }),
});
