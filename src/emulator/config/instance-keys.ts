import { symmetricKeyProblem } from '../../dps/device-key.ts';
import { ProblemList, problem } from '../../problem/operator-error.ts';
import { keysOf } from '../service/attestation.ts';
import type { DpsInstance, Enrollment } from '../service/dps-instance.ts';

/**
 * Checks the symmetric keys of instances that code has made; the reader of a configuration file checks those of the file.
 *
 * @throws OperatorError `usage`, listing every key that is none; no message quotes a key
 */
export function requireUsableKeys(instances: readonly DpsInstance[]): void {
  const problems = new ProblemList();
  const check = (keys: readonly string[], owner: string): void => {
    for (const [index, key] of keys.entries()) {
      const reason = symmetricKeyProblem(key);
      if (reason === null) continue;
      const message = `the ${index === 0 ? 'primary' : 'secondary'} key of ${owner} ${reason}`;
      problems.add(problem(message, 'Give the complete base64 key, as the DPS instance shows it'));
    }
  };
  for (const { individualEnrollments, enrollmentGroups, sharedAccessPolicies } of instances) {
    for (const enrollment of [...enrollmentGroups, ...individualEnrollments]) {
      const { attestation } = enrollment;
      if (attestation.kind === 'symmetricKey') check(keysOf(attestation), nameOf(enrollment));
    }
    for (const policy of sharedAccessPolicies) check(keysOf(policy), `policy ${JSON.stringify(policy.name)}`);
  }
  problems.throwIfAny('usage');
}

function nameOf(enrollment: Enrollment): string {
  if (enrollment.kind === 'group') return `enrollment group ${JSON.stringify(enrollment.enrollmentGroupId)}`;
  return `individual enrollment ${JSON.stringify(enrollment.registrationId)}`;
}
