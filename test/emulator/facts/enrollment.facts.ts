import { expect } from 'vitest';
import type { KeyedCertificate } from '../../../src/certificates/certificate.ts';
import { deriveDeviceKey } from '../../../src/dps/device-key.ts';
import type { DpsInstance, EnrollmentGroup, IndividualEnrollment } from '../../../src/emulator/service/dps-instance.ts';
import {
  authority,
  deviceCertificate,
  EXPIRED,
  parsed,
  x509Attestation,
  x509Group,
} from '../../support/certificates.ts';
import {
  DEVICE_KEY,
  emulatedInstance,
  GROUP_KEY,
  individualEnrollment,
  OTHER_KEY,
  SECONDARY_KEY,
} from '../../support/emulated-instance.ts';
import { type Fact, type FactGroup, right, rightUnless } from './fact.ts';
import type { FactBench } from './fact-bench.ts';
import { TimedService } from './timed-service.ts';

const ID = 'dev-x';

/** A CA, one below it, a stranger of the same name, and certificates of the device. */
async function make() {
  const [root, stranger] = await Promise.all([authority('Root'), authority('Root')]);
  const line = await authority('Line A', root);
  const [fromRoot, fromLine, fromStranger, selfSigned, secondSelfSigned, expired] = await Promise.all([
    deviceCertificate(ID, root),
    deviceCertificate(ID, line),
    deviceCertificate(ID, stranger),
    deviceCertificate(ID, null),
    deviceCertificate(ID, null),
    deviceCertificate(ID, root, EXPIRED),
  ]);
  const fromLeaf = await deviceCertificate(ID, fromRoot);
  return { root, line, stranger, fromRoot, fromLine, fromStranger, selfSigned, secondSelfSigned, expired, fromLeaf };
}
type Certificates = Awaited<ReturnType<typeof make>>;
let made: Promise<Certificates> | null = null;

/** What a register request with this chain leads to: the enrollment group, `individual`, `disabled`, or the error code. */
async function outcome(bench: FactBench, instance: Partial<DpsInstance>, chain: readonly KeyedCertificate[]) {
  const at = { instances: [emulatedInstance({ individualEnrollments: [], enrollmentGroups: [], ...instance })] };
  const cert = chain.map(({ certificatePem }) => certificatePem).join('');
  const { body } = await bench.registered(ID, { at, tls: { cert, key: chain[0]?.privateKeyPem }, key: null });
  if (body.status === 'disabled') return 'disabled';
  if (body.errorCode !== undefined) return body.errorCode;
  const [record] = (await bench.emulator(at)).records();
  return record?.enrollmentGroupId ?? 'individual';
}

type Case = (all: Certificates) => readonly [instance: Partial<DpsInstance>, chain: readonly KeyedCertificate[]];

/** Each case ends with its outcome. */
function x509(
  id: string,
  place: Parameters<typeof right>[1],
  statement: string,
  ...cases: readonly (readonly [Case, string | number])[]
): Fact {
  return right(id, place, statement, async (bench) => {
    made ??= make();
    const all = await made;
    for (const [each, expected] of cases) expect(await outcome(bench, ...each(all))).toBe(expected);
  });
}

const groups = (...enrollmentGroups: readonly EnrollmentGroup[]): Partial<DpsInstance> => ({ enrollmentGroups });
const individual = (settings: Partial<IndividualEnrollment>): Partial<DpsInstance> => ({
  individualEnrollments: [individualEnrollment({ registrationId: ID, ...settings })],
});

const disabled = { provisioningStatus: 'disabled' } as const;

/** The status of a device with this key. */
function keyStatus(instance: Partial<DpsInstance>, key: string): string | number {
  const { json } = new TimedService({ instance }).device(ID, { key }).register();
  return json.errorCode ?? json.status;
}

export const enrollmentFacts: FactGroup = {
  title: 'Which enrollment decides',
  sources:
    'AD concepts-x509-attestation.md, iot-dps-https-x509-support.md, how-to-revoke-device-access-portal.md, how-to-unprovision-devices.md, concepts-symmetric-key-attestation.md; SDKC parser tests',
  facts: [
    right(
      'enroll-individual-first',
      '6.2 D',
      'An individual enrollment decides alone, over a group whose key the device has',
      () => {
        const instance = individual({});
        expect([DEVICE_KEY, deriveDeviceKey(GROUP_KEY, ID)].map((key) => keyStatus(instance, key))).toEqual([
          'assigning',
          401000,
        ]);
      },
    ),
    right('enroll-individual-disabled', '6.2 D', 'A disabled one blocks the ID, whichever key the device has', () => {
      const instance = individual(disabled);
      const keys = [DEVICE_KEY, deriveDeviceKey(GROUP_KEY, ID), OTHER_KEY];
      expect(keys.map((key) => keyStatus(instance, key))).toEqual(['disabled', 'disabled', 'disabled']);
    }),
    x509('enroll-disabled-other-type', '6.2 D', 'It does so also if its attestation type is not that of the device', [
      ({ root, fromRoot }) => [{ ...individual(disabled), ...groups(x509Group('g', root)) }, [fromRoot]],
      'disabled',
    ]),
    right(
      'enroll-group-found',
      '6.2 I',
      'Among symmetric-key groups, the one from whose key that of the device is derived decides',
      () => {
        const [group] = emulatedInstance().enrollmentGroups as [EnrollmentGroup];
        const attestation = { kind: 'symmetricKey', primaryKey: OTHER_KEY, secondaryKey: SECONDARY_KEY } as const;
        const service = new TimedService({
          instance: groups(group, { ...group, enrollmentGroupId: 'other', attestation }),
        });
        service.device(ID, { key: deriveDeviceKey(SECONDARY_KEY, ID) }).register();
        expect([...service.service.records(service.nowMs)][0]?.enrollmentGroupId).toBe('other');
      },
    ),
    right(
      'enroll-group-disabled',
      '6.2 D',
      'A disabled group lets nobody in; an enabled one with the same key does',
      () => {
        const [group] = emulatedInstance().enrollmentGroups as [EnrollmentGroup];
        const [old, key] = [{ ...group, enrollmentGroupId: 'old', ...disabled }, deriveDeviceKey(GROUP_KEY, ID)];
        expect([keyStatus(groups(old), key), keyStatus(groups(old, group), key)]).toEqual(['disabled', 'assigning']);
      },
    ),
    x509('enroll-ca', '6.2 D', 'A group lets in what its CA has signed', [
      ({ root, fromRoot }) => [groups(x509Group('g', root)), [fromRoot]],
      'g',
    ]),
    x509(
      'enroll-intermediate',
      '6.2 D',
      'It lets in what an intermediate below it has signed, if the device sends the intermediate',
      [({ root, line, fromLine }) => [groups(x509Group('g', root)), [fromLine, line]], 'g'],
      [({ root, fromLine }) => [groups(x509Group('g', root)), [fromLine]], 401002],
    ),
    x509(
      'enroll-nearest',
      '6.2 D',
      'Of the groups of a chain, that of the certificate nearest to the device decides',
      [
        ({ root, line, fromLine }) => [groups(x509Group('far', root), x509Group('near', line)), [fromLine, line, root]],
        'near',
      ],
      [({ root, line, fromRoot }) => [groups(x509Group('far', root), x509Group('near', line)), [fromRoot]], 'far'],
    ),
    x509('enroll-nearest-disabled', '6.2 D', 'It decides also if it is disabled', [
      ({ root, line, fromLine }) => [
        groups(x509Group('far', root), x509Group('near', line, disabled)),
        [fromLine, line],
      ],
      'disabled',
    ]),
    x509('enroll-lower-deleted', '6.2 D', 'Without the lower group, the device is let in through the higher one', [
      ({ root, line, fromLine }) => [groups(x509Group('far', root)), [fromLine, line]],
      'far',
    ]),
    x509(
      'enroll-401002',
      '4.2 D',
      'Any other certificate gets 401, 401002 "Invalid certificate."',
      [({ root, fromStranger }) => [groups(x509Group('g', root)), [fromStranger]], 401002],
      [({ root, fromStranger, stranger }) => [groups(x509Group('g', root)), [fromStranger, stranger]], 401002],
      [({ root, selfSigned }) => [groups(x509Group('g', root)), [selfSigned]], 401002],
      [({ root, fromLeaf, fromRoot }) => [groups(x509Group('g', root)), [fromLeaf, fromRoot]], 401002],
    ),
    x509('enroll-expired', '4.2 I', 'So does an expired one', [
      ({ root, expired }) => [groups(x509Group('g', root)), [expired]],
      401002,
    ]),
    rightUnless(
      'caCertificates',
      [
        'enroll-verified',
        '6.2 D',
        'The chain must lead to a CA certificate that was uploaded to the instance and verified; without any, those of the groups count as such',
      ],
      async (bench) => {
        made ??= make();
        const { root, line, stranger, fromLine } = await made;
        const verified = (...cas: readonly KeyedCertificate[]) => ({
          ...groups(x509Group('near', line)),
          caCertificates: cas.map(parsed),
        });
        expect(await outcome(bench, verified(root), [fromLine, line])).toBe('near');
        expect(await outcome(bench, verified(line), [fromLine])).toBe('near');
        expect(await outcome(bench, verified(stranger), [fromLine, line])).toBe(401002);
      },
    ),
    x509('enroll-404201', 'D5 I', 'A certificate of a known CA that no enrollment names gets 404, 404201', [
      ({ root, fromRoot }) => [{ caCertificates: [parsed(root)] }, [fromRoot]],
      404201,
    ]),
    x509(
      'enroll-individual-x509',
      '6.2 D',
      'An individual enrollment takes its primary and its secondary certificate, also self-signed, and needs no CA of the instance',
      [
        ({ root, selfSigned, secondSelfSigned }) => [
          {
            ...individual({ attestation: x509Attestation('client', selfSigned, secondSelfSigned) }),
            caCertificates: [parsed(root)],
          },
          [selfSigned],
        ],
        'individual',
      ],
      [
        ({ selfSigned, secondSelfSigned }) => [
          individual({ attestation: x509Attestation('client', selfSigned, secondSelfSigned) }),
          [secondSelfSigned],
        ],
        'individual',
      ],
      [
        ({ selfSigned, fromRoot }) => [individual({ attestation: x509Attestation('client', selfSigned) }), [fromRoot]],
        401002,
      ],
    ),
    x509(
      'enroll-individual-signing',
      '6.1 D',
      'With signing certificates, it takes what they have signed',
      [
        ({ root, fromRoot }) => [individual({ attestation: x509Attestation('signing', root) }), [fromRoot]],
        'individual',
      ],
      [
        ({ root, fromStranger }) => [individual({ attestation: x509Attestation('signing', root) }), [fromStranger]],
        401002,
      ],
    ),
    x509('enroll-two-cas', '6.1 D', 'A group takes what its primary or its secondary certificate has signed', [
      ({ root, stranger, fromRoot }) => [
        groups(x509Group('g', root, { attestation: x509Attestation('signing', stranger, root) })),
        [fromRoot],
      ],
      'g',
    ]),
  ],
};
