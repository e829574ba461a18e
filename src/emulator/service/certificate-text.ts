import { X509Certificate } from 'node:crypto';
import { z } from 'zod';

/** A certificate as PEM, which is how JSON writes it. */
export const certificateText = z.string().transform((text, context) => {
  try {
    return new X509Certificate(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'must be a certificate in PEM' });
    return z.NEVER;
  }
});
