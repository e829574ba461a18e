import { signedToken } from '../../src/dps/sas-token.ts';
import type { SeededRandom } from './seeded-random.ts';

/** What hostile requests are aimed at. */
export type ApiTarget = {
  readonly host: string;
  /** Of the policy. */
  readonly policyName: string;
  readonly key: string;
  readonly nowEpochSeconds: number;
};

export type HostileRequest = {
  readonly method: string;
  readonly target: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  /** Whether the token would let an honest request pass. */
  readonly isSigned: boolean;
};

const METHODS = ['GET', 'PUT', 'PUT', 'POST', 'POST', 'DELETE', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'];
const IDS = [
  'a',
  'B',
  'dev-1',
  'query',
  'default',
  '..',
  '%2e%2e',
  '%00',
  '%zz',
  '__proto__',
  'constructor',
  'x'.repeat(129),
];
const NAMES = [
  'enrollments',
  'enrollmentGroups',
  'enrollments',
  'enrollmentGroups',
  'registrations',
  'ENROLLMENTS',
  '',
  'toString',
  'attestationmechanism',
];
const ACTIONS = ['', '', '/', '/query', '/attestationmechanism', '/AttestationMechanism/', '/x/y'];
const VERSIONS = [
  '?api-version=2021-10-01',
  '?api-version=2021-10-01',
  '?api-version=',
  '',
  '?api-version=9999-99-99&&=%',
];
const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  '',
  'x',
  'enabled',
  'static',
  'custom',
  [],
  [[]],
  {},
  { a: { b: {} } },
  ['x'],
];
const MEMBERS = [
  'registrationId',
  'enrollmentGroupId',
  'attestation',
  'type',
  'symmetricKey',
  'x509',
  'tpm',
  'primary',
  'certificate',
  'deviceId',
  'allocationPolicy',
  'iotHubs',
  'iotHubHostName',
  'initialTwin',
  'reprovisionPolicy',
  'capabilities',
  'provisioningStatus',
  'etag',
  'mode',
  'enrollments',
  'enrollmentGroups',
  'query',
  '__proto__',
  'constructor',
  'customAllocationDefinition',
];

/** Requests with every status that an honest client meets. */
const HONEST: readonly (readonly [method: string, path: string])[] = [
  ['PUT', '/enrollments/ID'],
  ['PUT', '/enrollmentGroups/ID'],
  ['GET', '/enrollments/ID'],
  ['DELETE', '/enrollments/ID'],
  ['DELETE', '/enrollmentGroups/ID'],
  ['POST', '/enrollments'],
  ['POST', '/enrollments/query'],
  ['POST', '/enrollmentgroups/ID/attestationmechanism'],
  ['GET', '/registrations/ID'],
  ['POST', '/registrations/ID/query'],
];

type Draft = Omit<HostileRequest, 'isSigned'>;

const MUTATIONS: readonly ((draft: Draft, random: SeededRandom) => Draft)[] = [
  (draft, random) => ({ ...draft, method: random.pick(METHODS) }),
  (draft, random) => ({
    ...draft,
    target: `/${random.pick(NAMES)}/${random.pick(IDS)}${random.pick(ACTIONS)}${random.pick(VERSIONS)}`,
  }),
  (draft, random) => ({ ...draft, target: draft.target.replace(/\?.*/, random.pick(VERSIONS)) }),
  (draft, random) => ({ ...draft, body: hostileBody(random, draft.target) }),
  (draft, random) => ({ ...draft, body: hostileBody(random, random.pick(IDS)) }),
  withHeader('content-type', ['application/json; charset=utf-8', 'text/plain', ';']),
  withHeader('if-match', ['*', '"*"', '', 'W/"x"', 'x'.repeat(500)]),
  withHeader('if-match', ['*', 'stale']),
  withHeader('x-ms-continuation', ['x', 'eyJ0b2tlbiI6WzFdfQ==', 'eyJ0b2tlbiI6W119', '{}']),
  withHeader('x-ms-max-item-count', ['0', '1', '-1', '99999999999', 'NaN']),
];

/** One request that is honest in some respects, and hostile in others. */
export function hostileRequest(random: SeededRandom, target: ApiTarget, isSigned: boolean): HostileRequest {
  const id = random.pick(['a', 'b', 'C', 'default']);
  const [method, path] = random.pick(HONEST);
  const token = isSigned ? honestToken(target) : wrongToken(random, target);
  const headers = {
    host: target.host,
    'content-type': 'application/json',
    ...(token === null ? {} : { authorization: token }),
  };
  const honest = { attestation: { type: 'symmetricKey' }, registrationId: id, enrollmentGroupId: id, query: '*' };
  const body = JSON.stringify({ ...honest, mode: 'create', enrollments: [honest] });
  let draft: Draft = { method, target: `${path.replace('ID', id)}${VERSIONS[0]}`, headers, body };
  for (let mutations = random.below(4); mutations > 0; mutations--) draft = random.pick(MUTATIONS)(draft, random);
  return { ...draft, isSigned };
}

function withHeader(name: string, values: readonly string[]) {
  return (draft: Draft, random: SeededRandom): Draft => ({
    ...draft,
    headers: { ...draft.headers, [name]: random.pick(values) },
  });
}

function honestToken({ host, key, policyName, nowEpochSeconds }: ApiTarget): string {
  return signedToken(host, key, Math.floor(nowEpochSeconds) + 3_600, policyName);
}

/** Each is certain to be wrong. */
function wrongToken(random: SeededRandom, target: ApiTarget): string | null {
  const { host, key, policyName, nowEpochSeconds } = target;
  const honest = honestToken(target);
  // HMAC fills a short key up with zeros, so a zero would make no other one.
  const otherKey = Buffer.concat([Buffer.from(key, 'base64'), Buffer.of(1 + random.below(255))]).toString('base64');
  const sign = (resource: string, by: string, expiry: number, policy: string | null) =>
    signedToken(resource, by, Math.floor(expiry), policy);
  const forms: readonly (() => string | null)[] = [
    () => null,
    () => '',
    () => sign(host, otherKey, nowEpochSeconds + 3_600, policyName),
    () => sign(host, key, nowEpochSeconds - 10, policyName),
    () => sign(`x${host}`, key, nowEpochSeconds + 3_600, policyName),
    () => sign(`${host}/elsewhere`, key, nowEpochSeconds + 3_600, policyName),
    () => sign(host, key, nowEpochSeconds + 3_600, random.pick([null, '', 'other', '__proto__'])),
    () => honest.replace(/se=(\d+)/, 'se=$10'),
    () => honest.replace(/sig=[^&]+/, () => `sig=${encodeURIComponent(random.bytes(32).toString('base64'))}`),
    () => honest.replace(/sig=[^&]+/, 'sig='),
    () => honest.replace(/&sig=[^&]+/, ''),
    () => `${honest}&sig=x`,
    () => honest.slice(0, random.below(honest.length - policyName.length)),
    () => `Bearer ${random.bytes(20).toString('base64')}`,
    () => `SharedAccessSignature ${random.bytes(40).toString('base64')}`,
  ];
  return random.pick(forms)();
}

function hostileBody(random: SeededRandom, id: string): string {
  const honest = { attestation: { type: 'symmetricKey' }, registrationId: id, enrollmentGroupId: id, query: '*' };
  const bulk = {
    mode: random.pick(['create', 'update', 'delete', 'x']),
    enrollments: [honest, hostileValue(random, 2)],
    enrollmentGroups: [honest],
  };
  const value = random.pick<unknown>([
    honest,
    bulk,
    { ...honest, ...hostileObject(random, 2) },
    hostileValue(random, 4),
  ]);
  const text = JSON.stringify(value) ?? '';
  const form = random.below(10);
  if (form === 0) return text.slice(0, random.below(text.length + 1));
  if (form === 1) return random.bytes(random.below(200)).toString('latin1');
  if (form === 2) return '['.repeat(5_000);
  return text;
}

function hostileObject(random: SeededRandom, levels: number): object {
  const members = Array.from({ length: random.below(6) }, () => [
    random.pick(MEMBERS),
    hostileValue(random, levels - 1),
  ]);
  return Object.fromEntries(members);
}

function hostileValue(random: SeededRandom, levels: number): unknown {
  return levels === 0 || random.below(3) === 0 ? random.pick(VALUES) : hostileObject(random, levels);
}
