import type { SessionRecord } from '../journal/journal-record.ts';
import type { Summary } from './summary.ts';

/** What a load without a rate cannot show, and what to do about it, for people. */
export const CLOSED_MODEL = Object.freeze({
  message:
    'without a rate, a device starts only when another has ended: a stall of the service holds back the starts too, and response times leave that wait out (coordinated omission)',
  remedy: 'Set --rate to measure the wait as devices would feel it',
});

/** The same as one text, for a warning on a line of its own. */
export const CLOSED_MODEL_WARNING = `${CLOSED_MODEL.message}. ${CLOSED_MODEL.remedy}.`;

/**
 * Returns whether the load launches only as slots become free. Where every device has a slot at once, a stall holds none back.
 *
 * @param devices to register
 */
export function hidesStalls(loadShape: SessionRecord['loadShape'], devices: number, slots: number): boolean {
  return loadShape === 'closed' && devices > slots;
}

type PlannedLoad = { readonly shape: { readonly kind: SessionRecord['loadShape'] }; readonly concurrency: number };

/** What a load that is about to run could not show. */
export function plannedLoadWarnings({ shape, concurrency }: PlannedLoad, devices: number): readonly string[] {
  return hidesStalls(shape.kind, devices, concurrency) ? [CLOSED_MODEL_WARNING] : [];
}

/** What the load of a run could not show. */
export function loadWarnings({ sessions, plannedRegistrations }: Summary): readonly string[] {
  const isClosed = sessions.some(({ loadShape, concurrency }) =>
    hidesStalls(loadShape, plannedRegistrations, concurrency),
  );
  return isClosed ? [CLOSED_MODEL_WARNING] : [];
}
