import { OperatorError, problemIn } from '../../problem/operator-error.ts';

/** @throws OperatorError `usage` for a run whose service is gone */
export function refuseEmulatorRun(folder: string, kind: 'emulator' | 'service'): void {
  if (kind === 'service') return;
  const message = 'the run used the embedded emulator, whose records ended with it';
  const remedy = 'Start a separate emulator (dpsload emulator --service-port 8443), and run against it with --host';
  throw new OperatorError('usage', [problemIn(folder, message, remedy)]);
}
