import type { YamlPath } from '../../problem/yaml-document.ts';
import { FAULT_POINTS, type Fault, type FaultPoint, type FaultRule } from '../service/fault-rule.ts';
import type { ConfigProblems } from './config-problems.ts';
import type { FaultShape } from './emulator-schema.ts';

/** One fault of the file; what is wrong with it is noted in `problems`. */
export function resolveFault(shape: FaultShape, at: YamlPath, problems: ConfigProblems): FaultRule {
  const possible = FAULT_POINTS[shape.fault];
  const { registrationIds = null, share = 1, from: fromMs = 0, until: untilMs = null } = shape;
  const points = shape.at ?? pointsFor(possible, registrationIds);
  points.forEach((point, index) => {
    if (possible.includes(point)) return;
    const remedy = `It can strike at ${possible.join(', ')}`;
    problems.at([...at, 'at', index], `${shape.fault} cannot strike at ${point}`, remedy);
  });
  if (untilMs !== null && untilMs <= fromMs) {
    problems.at([...at, 'until'], 'until is not after from', 'Give a later time since the start');
  }
  if (registrationIds !== null && points.includes('handshake')) {
    const message = 'before CONNECT nobody knows the registration ID';
    problems.at([...at, 'registrationIds'], message, 'Remove registrationIds, or name later points with at');
  }
  return {
    fault: faultOf(shape),
    points,
    registrationIds,
    share,
    fromMs,
    untilMs,
    timesPerDevice: shape.timesPerDevice ?? null,
  };
}

/** Before CONNECT nobody knows whose connection it is: a rule for certain devices begins there. */
function pointsFor(possible: readonly FaultPoint[], registrationIds: string | null): readonly FaultPoint[] {
  const known = possible.filter((point) => point !== 'handshake');
  return registrationIds === null || known.length === 0 ? possible : known;
}

function faultOf(shape: FaultShape): Fault {
  switch (shape.fault) {
    case 'slow-connack':
    case 'delay-answer':
    case 'slow-assignment':
      return { kind: shape.fault, delayMs: shape.delay };
    case 'refuse-connect':
      return { kind: shape.fault, returnCode: shape.returnCode };
    case 'malform-answer':
      return { kind: shape.fault, form: shape.form ?? 'no-json' };
    case 'retry-after':
      return { kind: shape.fault, value: shape.value === 'none' ? null : shape.value };
    case 'error-answer':
      return { kind: shape.fault, errorCode: shape.errorCode, retryAfterSeconds: shape.retryAfter ?? null };
    case 'disconnect':
      return { kind: shape.fault, when: shape.when ?? 'before' };
    case 'fragment':
      return { kind: shape.fault, bytes: shape.bytes, pauseMs: shape.pause };
    case 'fail-assignment':
      return {
        kind: shape.fault,
        errorCode: shape.errorCode,
        errorMessage: shape.errorMessage ?? 'Assignment failed.',
      };
    default:
      return { kind: shape.fault };
  }
}
