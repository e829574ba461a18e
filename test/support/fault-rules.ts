import { FAULT_POINTS, type Fault, type FaultRule } from '../../src/emulator/service/fault-rule.ts';

/** A rule that strikes every request at every point where its fault can strike. */
export function faultRule(fault: Fault, settings: Partial<FaultRule> = {}): FaultRule {
  return {
    fault,
    points: FAULT_POINTS[fault.kind],
    registrationIds: null,
    share: 1,
    fromMs: 0,
    untilMs: null,
    timesPerDevice: null,
    ...settings,
  };
}
