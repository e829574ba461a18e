import type { RegistrationJob } from '../../src/registration/run-registration.ts';

/** Listeners for a registration of which only the outcome matters. */
export const UNHEARD: Pick<RegistrationJob, 'onThrottle' | 'onConnection' | 'onPermit' | 'onHold' | 'onProgress'> = {
  onThrottle: () => {},
  onConnection: () => {},
  onPermit: () => {},
  onHold: () => {},
  onProgress: () => {},
};
