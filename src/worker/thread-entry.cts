// What Piscina loads in each thread; argument: the URL of the module with the worker. Piscina tries `require` before `import`, and on Node 20.20
// ending a thread in the middle of requiring an ES module sometimes aborts the whole process. A run that is refused ends threads that are still
// loading, so what is required is this, and the module is imported.
import type { WorkerTask } from './registration-worker.ts' with { 'resolution-mode': 'import' };

const worker: Promise<{ runRegistrationWorker(task: WorkerTask): Promise<void> }> = import(process.argv[2] ?? '');

exports.runRegistrationWorker = async (task: WorkerTask): Promise<void> => (await worker).runRegistrationWorker(task);
