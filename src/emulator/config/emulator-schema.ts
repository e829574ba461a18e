import { z } from 'zod';
import { idScopeProblem } from '../../dps/endpoint.ts';
import { registrationIdProblem } from '../../dps/registration-id.ts';
import { delay, durationMs, rate, secondsOrNone, share } from '../service/notation.ts';

const POINTS = ['handshake', 'connect', 'subscribe', 'register', 'poll', 'assignment', 'open'] as const;

/** What every fault has: which requests it strikes. */
const SELECTION = {
  at: z
    .array(z.enum(POINTS, { error: `must be one of ${POINTS.join(', ')}` }))
    .min(1, { error: 'must name a point' })
    .optional()
    .describe('where in the conversation; default: everywhere where this fault can strike; open = as an outage begins'),
  registrationIds: z.string().min(1).optional().describe('pattern with * for any characters; default: all'),
  share: share.optional().describe('of the requests that match, by a seeded draw; default: 100%'),
  from: durationMs.optional().describe('since the start; default: 0s'),
  until: durationMs.optional().describe('since the start; default: for ever'),
  timesPerDevice: z
    .int({ error: 'must be a whole number' })
    .min(1, { error: 'must be at least 1' })
    .optional()
    .describe('strikes one registration ID at most so often; default: always'),
};

function fault<Kind extends string, Details extends z.core.$ZodLooseShape>(
  kind: Kind,
  about: string,
  details: Details,
) {
  return z.strictObject({ fault: z.literal(kind), ...details, ...SELECTION }).describe(about);
}

const errorCode = z
  .int({ error: 'must be a status × 1000 + sub-code, such as 500000' })
  .min(400_000, { error: 'must be at least 400000' })
  .max(599_999, { error: 'must be at most 599999' })
  .describe('HTTP-like status × 1000 + sub-code');

export const FAULT_SHAPE = z.discriminatedUnion(
  'fault',
  [
    fault('refuse-tls', 'a TLS alert instead of a handshake', {}),
    fault('stall-tls', 'the connection is accepted, and then nothing', {}),
    fault('slow-connack', 'CONNACK comes late', { delay: durationMs }),
    fault('lose-connack', 'no CONNACK', {}),
    fault('refuse-connect', 'CONNACK with a return code', {
      returnCode: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4), z.literal(5)], {
        error: 'must be 1, 2, 3, 4 or 5',
      }),
    }),
    fault('lose-suback', 'no SUBACK', {}),
    fault('refuse-subscription', 'SUBACK 128', {}),
    fault('lose-request', 'acknowledged, and then forgotten', {}),
    fault('lose-puback', 'answered, and not acknowledged', {}),
    fault('lose-answer', 'processed, and not answered', {}),
    fault('delay-answer', 'answered late', { delay: durationMs }),
    fault('duplicate-answer', 'answered twice', {}),
    fault('reorder-answer', 'answered after the next answer on the same connection', {}),
    fault('malform-answer', 'answered with nonsense', {
      form: z
        .enum(['no-json', 'truncated', 'empty', 'no-status', 'unknown-topic'], {
          error: 'must be no-json, truncated, empty, no-status or unknown-topic',
        })
        .optional(),
    }),
    fault('foreign-request-id', 'answered with a request ID that nobody sent', {}),
    fault('retry-after', 'the retry-after as it stands here; none = left out', {
      value: z.string({ error: 'must be text, such as "3600" or none' }),
    }),
    fault('error-answer', 'an error in place of the processing', { errorCode, retryAfter: secondsOrNone.optional() }),
    fault('disconnect', 'the connection is closed', {
      when: z
        .enum(['before', 'after-puback', 'after'], { error: 'must be before, after-puback or after' })
        .optional()
        .describe('before the packet is processed (default), after PUBACK, or after the answer'),
    }),
    fault('stall', 'the connection stays open, and nothing is read or written any more', {}),
    fault('fragment', 'everything is written in pieces from then on', {
      bytes: z.int({ error: 'must be a whole number' }).min(1, { error: 'must be at least 1' }),
      pause: durationMs,
    }),
    fault('endless-assigning', 'the operation never ends', {}),
    fault('slow-assignment', 'the operation ends late', { delay: durationMs }),
    fault('fail-assignment', 'the operation fails', { errorCode, errorMessage: z.string().optional() }),
    fault('outage', 'connections are cut, and new ones reset', {}),
  ],
  { error: 'names no fault' },
);

export type FaultShape = z.output<typeof FAULT_SHAPE>;

/** Version of the keys below. */
const EMULATOR_CONFIG_VERSION = 1;

const WEIGHT_MAX = 1_000;

/** Text for which `problemOf` finds nothing. */
function checkedText(problemOf: (text: string) => string | null, about: string) {
  const error = 'must be text';
  return z
    .string({ error })
    .superRefine((text, context) => {
      const message = problemOf(text);
      if (message !== null) context.addIssue({ code: 'custom', message });
    })
    .describe(about);
}

const hostName = z
  .string({ error: 'must be a host name' })
  .regex(/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/, { error: 'must be a host name' })
  .describe('host name of an IoT hub, such as hub-a.azure-devices.net');

const isOn = z.boolean({ error: 'must be true or false' });
const path = z
  .string({ error: 'must be a path' })
  .min(1, { error: 'must be a path' })
  .describe('relative to this file');
const variable = z
  .string({ error: 'must be the name of an environment variable' })
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: 'must be the name of an environment variable' });

const symmetricKey = z
  .strictObject({
    primaryKeyFile: path.optional(),
    primaryKeyVariable: variable.optional(),
    secondaryKeyFile: path.optional(),
    secondaryKeyVariable: variable.optional(),
  })
  .describe('base64 keys, each in a file or an environment variable');

const twoFiles = z.strictObject({ primary: path, secondary: path.optional() }).describe('PEM files');
const twoNames = z
  .strictObject({ primary: z.string(), secondary: z.string().optional() })
  .describe('names of caCertificates');

const groupAttestation = z.strictObject({
  symmetricKey: symmetricKey.optional(),
  x509: z.strictObject({ signingCertificates: twoFiles.optional(), caReferences: twoNames.optional() }).optional(),
});

const individualAttestation = z.strictObject({
  symmetricKey: symmetricKey.optional(),
  x509: z
    .strictObject({
      clientCertificates: twoFiles.optional(),
      signingCertificates: twoFiles.optional(),
      caReferences: twoNames.optional(),
    })
    .optional(),
});

const enrollment = {
  provisioningStatus: z.enum(['enabled', 'disabled'], { error: 'must be enabled or disabled' }).optional(),
  reprovisionPolicy: z.strictObject({ updateHubAssignment: isOn, migrateDeviceData: isOn }).optional(),
  allocationPolicy: z
    .enum(['hashed', 'geoLatency', 'static', 'custom'], { error: 'must be hashed, geoLatency, static or custom' })
    .optional()
    .describe("default: the instance's"),
  customAllocationDefinition: z
    .strictObject({
      webhookUrl: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).optional(),
      webhookFile: path
        .optional()
        .describe('program of Node.js that the emulator runs in place of a webhookUrl, relative to this file'),
      apiVersion: z.string().optional().describe('default: 2018-09-01-preview'),
    })
    .optional(),
  initialTwin: z.looseObject({}).optional().describe('of the device at its hub; stands in the records'),
  capabilities: z.strictObject({ iotEdge: isOn }).optional().describe('handed to the webhook; default: iotEdge: false'),
  optionalDeviceInformation: z.looseObject({}).optional().describe('handed to the webhook as it is'),
  iotHubs: z.array(hostName).optional().describe('linked hubs; default: all to which the allocation policy applies'),
  iotHubHostName: hostName.optional().describe('older way to name a single linked hub, in place of iotHubs'),
};

const enrollmentGroup = z.strictObject({
  enrollmentGroupId: checkedText(registrationIdProblem, 'name of the group'),
  attestation: groupAttestation,
  ...enrollment,
});

const individualEnrollment = z.strictObject({
  registrationId: checkedText(registrationIdProblem, 'registration ID'),
  deviceId: z.string({ error: 'must be text' }).min(1).max(128).optional().describe('default: the registration ID'),
  attestation: individualAttestation,
  ...enrollment,
});

const linkedHub = z.strictObject({
  hostName,
  weight: z
    .int({ error: 'must be a whole number' })
    .min(1, { error: 'must be at least 1' })
    .max(WEIGHT_MAX, { error: `must be at most ${WEIGHT_MAX}` })
    .optional()
    .describe('1 to 1000; default: 1'),
  applyAllocationPolicy: isOn.optional().describe('default: true'),
  identityLimit: rate.optional().describe('device identities that the hub creates; default: unlimited'),
});

const quotas = z.strictObject({
  algorithm: z
    .enum(['token-bucket', 'fixed-window', 'sliding-window'], {
      error: 'must be token-bucket, fixed-window or sliding-window',
    })
    .optional()
    .describe('default: token-bucket'),
  register: rate.optional().describe('register requests of the instance; the real one: 1000/min; default: unlimited'),
  pollPerDevice: rate.optional().describe('polls of one device; the real one: 5/10s; default: unlimited'),
  retryAfter: z
    .union([z.literal('exact'), secondsOrNone], { error: 'must be exact, none, or whole seconds such as 5s' })
    .optional()
    .describe('of a 429; exact = until the budget has room; default: 5s'),
});

const caCertificate = z.strictObject({
  name: z.string({ error: 'must be text' }).min(1),
  file: path,
  verified: isOn.optional().describe('proof of possession was given; default: true'),
});

const latencyRegion = z
  .strictObject({
    sourceAddresses: z.array(z.string()).optional().describe('of its devices, patterns with * for any characters'),
    registrationIds: z.array(z.string()).optional().describe('of its devices, patterns with * for any characters'),
    latencies: z.record(z.string(), durationMs).describe('by host name; hubs that are not named cannot be reached'),
  })
  .describe('a device belongs to the first region that its address or its registration ID fits');

const instance = z.strictObject({
  idScope: checkedText(idScopeProblem, 'ID scope'),
  allocationPolicy: z
    .enum(['hashed', 'geoLatency', 'static'], { error: 'must be hashed, geoLatency or static' })
    .optional()
    .describe('of enrollments without one of their own; default: hashed'),
  latencyRegions: z.array(latencyRegion).optional().describe('for geoLatency'),
  linkedHubs: z.array(linkedHub).optional().describe('default: three evenly weighted ones'),
  caCertificates: z
    .array(caCertificate)
    .optional()
    .describe('where there are any, the chain of a device in a group must lead to a verified one'),
  enrollmentGroups: z.array(enrollmentGroup).optional(),
  individualEnrollments: z.array(individualEnrollment).optional(),
  quotas: quotas.optional(),
});

const behavior = z.strictObject({
  retryAfter: secondsOrNone.optional().describe('sent with every assigning; default: 3s'),
  answerDelay: delay.optional().describe('from a request to its answer; default: 0s'),
  assignmentDelay: delay.optional().describe('from register to assigned; default: 200ms'),
  operationLifetime: durationMs.optional().describe('default: 20m'),
  clockSkew: durationMs.optional().describe('how long an expired SAS token is still taken; default: 0s'),
  disabledAnswer: z
    .enum(['disabled', 'unauthorized'], { error: 'must be disabled or unauthorized' })
    .optional()
    .describe('200 with status disabled (default), or 401'),
  unknownAnswer: z
    .enum(['unauthorized', 'not-found'], { error: 'must be unauthorized or not-found' })
    .optional()
    .describe('to a token that fits no enrollment: 401 (default), or 404'),
  malformedUsernameCode: z
    .union([z.literal(4), z.literal(5)], { error: 'must be 4 or 5' })
    .optional()
    .describe('CONNACK to a user name of another form; default: 4'),
  commonNameCheck: z
    .enum(['connect', 'register'], { error: 'must be connect or register' })
    .optional()
    .describe('where a common name that is not the registration ID is refused: CONNACK 5 (default), or 401'),
  derivationCase: z
    .enum(['as-written', 'lower'], { error: 'must be as-written or lower' })
    .optional()
    .describe('of the registration ID when the device key is derived; default: as-written'),
  otherFilters: z
    .enum(['refuse', 'close'], { error: 'must be refuse or close' })
    .optional()
    .describe('SUBSCRIBE to another filter: SUBACK 128 (default), or the connection is closed'),
  otherTopics: z
    .enum(['close', 'ignore'], { error: 'must be close or ignore' })
    .optional()
    .describe('PUBLISH to another topic: the connection is closed (default), or nothing'),
  idleTimeout: durationMs.optional().describe('connections without a packet are closed after it; default: never'),
  namesEnrollmentGroup: isOn.optional().describe('in the final answer; default: false'),
  grantsExactFilters: isOn.optional().describe('for tools that cannot subscribe with a wildcard; default: false'),
  webhookTimeout: durationMs.optional().describe('default: 5s'),
  conflictShare: share.optional().describe('simultaneous registers of one ID that get 409; default: 0%'),
});

/** The emulator's configuration file. */
export const EMULATOR_SHAPE = z.strictObject({
  version: z.literal(EMULATOR_CONFIG_VERSION, { error: `must be ${EMULATOR_CONFIG_VERSION}` }),
  instances: z.array(instance).min(1, { error: 'must hold at least one instance' }),
  behavior: behavior.optional(),
  seed: z.int({ error: 'must be a whole number' }).optional().describe("of the faults' shares; default: 1"),
  faults: z.array(FAULT_SHAPE).optional().describe('the first that matches strikes'),
});

export type EmulatorShape = z.output<typeof EMULATOR_SHAPE>;
export type InstanceShape = EmulatorShape['instances'][number];
export type GroupShape = NonNullable<InstanceShape['enrollmentGroups']>[number];
export type IndividualShape = NonNullable<InstanceShape['individualEnrollments']>[number];

/** JSON Schema of the file, for editors. */
export function emulatorConfigSchema(): object {
  return z.toJSONSchema(EMULATOR_SHAPE, { io: 'input', target: 'draft-7', reused: 'ref' });
}
