/** Why a worker is gone: its agent is. */
export class AgentGone extends Error {
  readonly agent: string;
  /** No other worker of the agent is left in the run. */
  readonly isLast: boolean;
  /** The agent was asked to leave, and finished what it had. */
  readonly isWanted: boolean;

  constructor(agent: string, reason: string, { isLast, isWanted }: Pick<AgentGone, 'isLast' | 'isWanted'>) {
    super(reason);
    this.agent = agent;
    this.isLast = isLast;
    this.isWanted = isWanted;
  }
}
