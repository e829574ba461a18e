import { connectionLines, findingLines, stepLines } from '../../emulator/conversation/conversation-text.ts';
import type { Emulator } from '../../emulator/emulator.ts';
import { patternExpression } from '../../emulator/service/notation.ts';

/**
 * Writes what the devices do whose IDs match one of the patterns, with findings where they are made. Where another connection
 * takes over, a line names it.
 */
export function traceDevices(
  { events }: Pick<Emulator, 'events'>,
  patterns: readonly string[],
  write: (text: string) => void,
) {
  if (patterns.length === 0) return;
  const expressions = patterns.map(patternExpression);
  const isTraced = (registrationId: string): boolean => expressions.some((each) => each.test(registrationId));
  let shown = '';
  events.on('step', ({ registrationId, connection, step }) => {
    // The log has notes already.
    if (!isTraced(registrationId) || step.type === 'note') return;
    const name = `${registrationId}, connection ${connection.number}`;
    const lines = [...stepLines(step, connection)];
    if (step === connection.steps[0]) lines.unshift('', ...connectionLines(registrationId, connection));
    else if (name !== shown) lines.unshift('', name);
    shown = name;
    write(`${lines.join('\n')}\n`);
  });
  events.on('finding', ({ registrationId, finding }) => {
    if (isTraced(registrationId)) write(`${findingLines(finding).join('\n')}\n`);
  });
}
