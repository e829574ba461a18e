import { OperatorError, problem } from '../../problem/operator-error.ts';

/** The reader of a pipe, or of a terminal, has gone. */
const READER_GONE = ['EPIPE', 'EIO'];

/**
 * Keeps a run going, with its own exit code, when nobody reads its output any more (`dpsload … | head`, a closed terminal, a
 * full disk behind stderr).
 *
 * @param onStdoutLost called when results could not be written to stdout for any other reason.
 */
export function guardOutput(onStdoutLost: (error: OperatorError) => void): void {
  process.stderr.on('error', () => {});
  process.stdout.on('error', ({ code = '', message }: NodeJS.ErrnoException) => {
    if (READER_GONE.includes(code)) return;
    const remedy = "Free space where stdout goes; the run's folder still holds the results";
    onStdoutLost(new OperatorError('local', [problem(`stdout cannot be written (${message})`, remedy)]));
  });
}
