import { formatNoun } from '../report/format.ts';
import { AgentGone } from '../worker/agent-gone.ts';

/** A lost worker, or all those of a lost agent. */
type Loss = {
  /** Who was lost, and why. */
  readonly what: string;
  /** What may have been sent without an answer. */
  readonly possiblySent: number;
};

/** Tells of lost workers: of those that are gone with their agent once, when the last of them is. */
export class LossNotices {
  readonly #possiblySentBy = new Map<string, number>();

  /** @returns `null` = more workers of its agent follow */
  add(worker: number, reason: Error, possiblySent: number): Loss | null {
    if (!(reason instanceof AgentGone))
      return { what: `Worker ${worker + 1} was lost (${reason.message})`, possiblySent };
    const { agent, isLast, isWanted, message } = reason;
    const ofAgent = (this.#possiblySentBy.get(agent) ?? 0) + possiblySent;
    this.#possiblySentBy.set(agent, ofAgent);
    if (!isLast) return null;
    this.#possiblySentBy.delete(agent);
    const what = `Agent ${agent} ${isWanted ? 'left the run' : `was lost (${message})`}`;
    return { what, possiblySent: ofAgent };
  }
}

/** @param isReplaced others register what may have been sent */
export function lossNotice({ what, possiblySent }: Loss, isReplaced: boolean): string {
  if (possiblySent === 0) return `${what}; nothing was in flight.`;
  const [they, them] = possiblySent === 1 ? ['It', 'it'] : ['They', 'them'];
  const [are, stay] = possiblySent === 1 ? ['is', 'stays'] : ['are', 'stay'];
  const next = isReplaced
    ? `${they} ${are} registered again; the results mark ${them} possibly_twice.`
    : `${they} ${stay} unknown until the run is resumed.`;
  return `${what}; ${formatNoun(possiblySent, 'registration')} may have been sent. ${next}`;
}
