import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { KeyedCertificate } from '../../src/certificates/certificate.ts';
import { surveyFleet } from '../../src/fleet/survey-fleet.ts';
import { certificateFindings } from '../../src/preflight/certificate-findings.ts';
import { refusalOf } from '../../src/preflight/finding.ts';
import { authority, deviceCertificate, EXPIRED, parsed } from '../support/certificates.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const NOW_MS = Date.UTC(2026, 0, 1);

const folder = temporaryFolder();

let root: KeyedCertificate;
let line: KeyedCertificate;
let otherRoot: KeyedCertificate;
let namesake: KeyedCertificate;
let expiredLine: KeyedCertificate;

beforeAll(async () => {
  root = await authority('Root');
  line = await authority('Line A', root);
  otherRoot = await authority('Other Root');
  namesake = await authority('Root');
  expiredLine = await authority('Old Line', root, EXPIRED);
});

/** Two devices, `a` and `b`, of one issuer; `sent` are the certificates that they send after their own. */
async function checked(
  issued: {
    readonly issuer: KeyedCertificate;
    readonly sent?: readonly KeyedCertificate[];
    readonly validity?: typeof EXPIRED;
  },
  enrollmentCas: readonly KeyedCertificate[] | null,
) {
  const { issuer, sent = [], validity } = issued;
  for (const id of ['a', 'b']) {
    const { certificatePem, privateKeyPem } = await deviceCertificate(id, issuer, validity);
    const own = certificatePem.slice(0, certificatePem.indexOf('-----END') + '-----END CERTIFICATE-----\n'.length);
    const extra = sent.map((each) => String(parsed(each)));
    writeFileSync(join(folder, `${id}.pem`), [own, ...extra].join(''));
    writeFileSync(join(folder, `${id}.key`), privateKeyPem);
  }
  const file = join(folder, 'fleet.csv');
  writeFileSync(file, 'registration_id,cert_file,key_file\na,a.pem,a.key\nb,b.pem,b.key\n');
  const fleet = { file, delimiter: ',', header: true, columns: {} };
  const files = { from: 'rows', folder } as const;
  const survey = await surveyFleet(fleet, { keys: 'certificates', files });
  const found = await certificateFindings(
    { fleet, survey, takes: () => true },
    { kind: 'x509-files', files },
    {
      nowMs: NOW_MS,
      enrollmentCas: enrollmentCas?.map(parsed) ?? null,
    },
  );
  return found;
}

describe('certificates that the service would refuse are problems, before anything is sent', () => {
  it.each<[string, () => Parameters<typeof checked>, RegExp | null]>([
    ['the CA itself signed them', () => [{ issuer: root }, [root]], null],
    ['an intermediate is sent', () => [{ issuer: line, sent: [line] }, [root]], null],
    ['the intermediate is the CA of the enrollment', () => [{ issuer: line }, [line]], null],
    ['any of several CAs', () => [{ issuer: line }, [otherRoot, line]], null],
    ['all expired', () => [{ issuer: root, validity: EXPIRED }, [root]], /the certificate expired on/],
    ['all expired, no CA given', () => [{ issuer: root, validity: EXPIRED }, null], /the certificate expired on/],
    ['the wrong CA', () => [{ issuer: otherRoot }, [root]], /link from CN=a to its issuer CN=Other Root is missing/],
    ['a missing intermediate', () => [{ issuer: line }, [root]], /link from CN=a to its issuer CN=Line A is missing/],
    ['the chain of another root', () => [{ issuer: line, sent: [line, root] }, [otherRoot]], /ends at CN=Root, which/],
    ['a CA of the same name', () => [{ issuer: namesake }, [root]], /not by the given CN=Root: another CA has/],
    [
      'an expired intermediate',
      () => [{ issuer: expiredLine, sent: [expiredLine] }, [root]],
      /CN=Old Line has expired/,
    ],
  ])('%s', async (_, given, problem) => {
    const found = await checked(...given());
    const problems = found.filter(({ level }) => level === 'problem');
    if (problem === null) {
      expect(found).toEqual([
        { level: 'ok', subject: 'certificates', evidence: '2 certificates checked, all usable', remedy: null },
      ]);
      return;
    }
    expect(refusalOf(found)).toBe('usage');
    expect(problems[0]?.evidence).toBe('2 of 2 certificates are unusable');
    expect(problems).toHaveLength(3);
    expect(problems[1]?.evidence).toMatch(problem);
    expect(problems[1]?.evidence).toMatch(/fleet\.csv:2: /);
    expect(problems.every(({ remedy }) => remedy !== null)).toBe(true);
  });

  it('says that the chain was not checked without a CA', async () => {
    const found = await checked({ issuer: otherRoot }, null);
    expect(found.map(({ level }) => level)).toEqual(['ok', 'unknown']);
    expect(found[1]?.evidence).toMatch(/--enrollment-ca/);
  });
});
