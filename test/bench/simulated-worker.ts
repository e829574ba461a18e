import { runRegistrationWorker as runWorker, type WorkerTask } from '../../src/worker/registration-worker.ts';
import { simulatedConversations } from './simulated-connections.ts';

/** What a thread of a run loads instead of the product's own worker: all of it, but for the network. */
export function runRegistrationWorker(task: WorkerTask): Promise<void> {
  return runWorker(task, simulatedConversations);
}
