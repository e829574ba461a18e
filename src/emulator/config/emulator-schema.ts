import { z } from 'zod';
import { idScopeProblem } from '../../dps/endpoint.ts';
import { foldRegistrationId, registrationIdProblem } from '../../dps/registration-id.ts';
import { ENROLLMENT_SETTINGS, hostName, latencyRegionSchema, linkedHubSchema } from '../service/dps-instance.ts';
import { faultRuleSchema } from '../service/fault-rule.ts';
import { choice, issue, mapping, orElse, trueOrFalse } from '../service/notation.ts';
import { NO_QUOTAS, quotasSchema } from '../service/quotas.ts';
import { behaviorSchema, SERVICE_BEHAVIOR_DEFAULT } from '../service/service-behavior.ts';
import { PERMISSIONS, permission } from '../service/shared-access-policy.ts';
import { DEFAULT_HUBS } from './default-instance.ts';

const CONFIG_VERSION = 1;

/** The oldest version of the webhook's contract. */
const WEBHOOK_API_VERSION_DEFAULT = '2018-09-01-preview';

const text = z.string({ error: 'must be text' });

const path = z
  .string({ error: 'must be a path' })
  .min(1, { error: 'must be a path' })
  .describe('relative to this file');

const variable = z
  .string({ error: 'must be the name of an environment variable' })
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: 'must be the name of an environment variable' });

/** Text in which `problemOf` finds nothing wrong. */
function checkedText(problemOf: (text: string) => string | null, description: string) {
  return text
    .superRefine((value, { addIssue }) => {
      const message = problemOf(value);
      if (message !== null) addIssue({ code: 'custom', message });
    })
    .describe(description);
}

/** The service ignores the case of all names. */
function unique<Item>(noun: string, nameOf: (item: Item) => string) {
  return (items: readonly Item[], { addIssue }: z.core.$RefinementCtx): void => {
    const seen = new Set<string>();
    items.forEach((item, index) => {
      const key = foldRegistrationId(nameOf(item));
      if (seen.has(key)) addIssue(issue(`repeats the ${noun} ${nameOf(item)}`, 'Remove one of them', [index]));
      seen.add(key);
    });
  };
}

function exactlyOneOf(...keys: readonly string[]) {
  return (given: Readonly<Record<string, unknown>>, { addIssue }: z.core.$RefinementCtx): void => {
    if (keys.filter((key) => given[key] !== undefined).length === 1) return;
    addIssue(issue(`must have exactly one of the keys ${keys.join(', ')}`, 'Keep one of them'));
  };
}

/** A mapping of which exactly one key must be given. */
function oneOf<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return mapping(shape).superRefine(exactlyOneOf(...Object.keys(shape)));
}

const KEYS = {
  primaryKeyFile: path.optional(),
  primaryKeyVariable: variable.optional(),
  secondaryKeyFile: path.optional(),
  secondaryKeyVariable: variable.optional(),
};

type KeysConfig = z.output<z.ZodObject<typeof KEYS>>;

/** Each key in one place, and a primary key. */
function checkKeys(keys: KeysConfig, { addIssue }: z.core.$RefinementCtx): void {
  for (const rank of ['primaryKey', 'secondaryKey'] as const) {
    if (keys[`${rank}File`] === undefined || keys[`${rank}Variable`] === undefined) continue;
    addIssue(issue(`names both ${rank}File and ${rank}Variable`, 'Remove one of them'));
  }
  if (keys.primaryKeyFile === undefined && keys.primaryKeyVariable === undefined) {
    addIssue(issue('has no primary key', 'Name it with primaryKeyFile or primaryKeyVariable'));
  }
}

const symmetricKey = mapping(KEYS)
  .superRefine(checkKeys)
  .describe('base64 keys, each in a file or an environment variable');

const twoFiles = mapping({ primary: path, secondary: path.optional() }).describe('PEM files');
const signing = {
  signingCertificates: twoFiles.optional(),
  caReferences: mapping({ primary: z.string(), secondary: z.string().optional() })
    .describe('names of caCertificates')
    .optional(),
};

const enrollment = {
  ...ENROLLMENT_SETTINGS,
  customAllocationDefinition: mapping({
    webhookUrl: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).optional(),
    webhookFile: path
      .optional()
      .describe('Node.js program that the emulator runs instead of calling a webhookUrl, relative to this file'),
    apiVersion: orElse(z.string(), WEBHOOK_API_VERSION_DEFAULT).describe(`default: ${WEBHOOK_API_VERSION_DEFAULT}`),
  })
    .superRefine(exactlyOneOf('webhookUrl', 'webhookFile'))
    .optional(),
  iotHubs: z.array(hostName).optional().describe('linked hubs; default: all to which the allocation policy applies'),
  iotHubHostName: hostName.optional().describe('older way to name a single linked hub, instead of iotHubs'),
};

function checkEnrollment(
  { allocationPolicy, customAllocationDefinition, iotHubs, iotHubHostName }: z.output<z.ZodObject<typeof enrollment>>,
  { addIssue }: z.core.$RefinementCtx,
): void {
  if (iotHubs !== undefined && iotHubHostName !== undefined) {
    addIssue(issue('is given together with iotHubs', 'Keep one of them', ['iotHubHostName']));
  }
  if ((allocationPolicy === 'custom') !== (customAllocationDefinition !== undefined)) {
    const message = 'custom and customAllocationDefinition must be given together';
    addIssue(issue(message, 'Give both, or neither', ['allocationPolicy']));
  }
}

const enrollmentGroup = mapping({
  enrollmentGroupId: checkedText(registrationIdProblem, 'name of the group'),
  attestation: oneOf({ symmetricKey: symmetricKey.optional(), x509: oneOf(signing).optional() }),
  ...enrollment,
}).superRefine(checkEnrollment);

const individualEnrollment = mapping({
  registrationId: checkedText(registrationIdProblem, 'registration ID'),
  deviceId: orElse(text.min(1).max(128), null).describe('default: the registration ID'),
  attestation: oneOf({
    symmetricKey: symmetricKey.optional(),
    x509: oneOf({ clientCertificates: twoFiles.optional(), ...signing }).optional(),
  }),
  ...enrollment,
}).superRefine(checkEnrollment);

const caCertificate = mapping({
  name: text.min(1),
  file: path,
  verified: orElse(trueOrFalse, true).describe('proof of possession was given; default: true'),
});

const sharedAccessPolicy = mapping({
  name: text.min(1),
  permissions: orElse(z.array(permission).min(1, { error: 'must name a permission' }), PERMISSIONS).describe(
    'default: all',
  ),
  ...KEYS,
}).superRefine(checkKeys);

/** What an instance has that names neither files nor variables. */
const INSTANCE_SETTINGS = {
  allocationPolicy: choice('hashed', 'geoLatency', 'static'),
  latencyRegions: z.array(latencyRegionSchema),
  linkedHubs: z.array(linkedHubSchema).superRefine(unique('hub', ({ hostName }) => hostName)),
  quotas: quotasSchema,
};

const instance = mapping({
  idScope: checkedText(idScopeProblem, 'ID scope'),
  allocationPolicy: orElse(INSTANCE_SETTINGS.allocationPolicy, 'hashed').describe(
    'policy of enrollments without one of their own; default: hashed',
  ),
  latencyRegions: orElse(INSTANCE_SETTINGS.latencyRegions, []).describe('where devices are, for geoLatency'),
  linkedHubs: orElse(INSTANCE_SETTINGS.linkedHubs, DEFAULT_HUBS).describe('default: three evenly weighted hubs'),
  caCertificates: orElse(z.array(caCertificate), []).describe(
    'if there are any, the chain of a device in a group must lead to a verified one',
  ),
  serviceHostName: orElse(hostName, null).describe(
    'host name of the service API; default: emulated-{ID scope in lower case}.azure-devices-provisioning.net',
  ),
  sharedAccessPolicies: orElse(
    z.array(sharedAccessPolicy).superRefine(unique('policy', ({ name }) => name)),
    [],
  ).describe('who may use the service API; default: provisioningserviceowner with all permissions and a new key'),
  enrollmentGroups: orElse(
    z.array(enrollmentGroup).superRefine(unique('enrollment group', ({ enrollmentGroupId }) => enrollmentGroupId)),
    [],
  ),
  individualEnrollments: orElse(
    z.array(individualEnrollment).superRefine(unique('registration ID', ({ registrationId }) => registrationId)),
    [],
  ),
  quotas: orElse(INSTANCE_SETTINGS.quotas, NO_QUOTAS),
});

const seed = z.int({ error: 'must be a whole number' });

/** The emulator's configuration file. */
export const emulatorSchema = mapping({
  version: z.literal(CONFIG_VERSION, { error: `must be ${CONFIG_VERSION}` }),
  instances: z
    .array(instance)
    .min(1, { error: 'must hold at least one instance' })
    .superRefine(unique('ID scope', ({ idScope }) => idScope)),
  behavior: orElse(behaviorSchema, SERVICE_BEHAVIOR_DEFAULT),
  seed: orElse(seed, 1).describe('seed of the faults with a share; default: 1'),
  faults: orElse(z.array(faultRuleSchema), []).describe('for each request, the first rule that strikes counts'),
});

/** Parts of it that may come over the network. Each replaces the part that there is. */
export const configPatchSchema = mapping({
  instances: z
    .array(mapping({ idScope: text, ...z.object(INSTANCE_SETTINGS).partial().shape }))
    .superRefine(unique('ID scope', ({ idScope }) => idScope))
    .optional(),
  behavior: behaviorSchema.optional(),
  seed: seed.optional(),
  faults: z.array(faultRuleSchema).optional(),
});

export type InstanceConfig = z.output<typeof instance>;
export type EnrollmentConfig = z.output<typeof enrollmentGroup> | z.output<typeof individualEnrollment>;

/** By which the package exports it. No version has been published, so there is no address from which it could be fetched. */
const SCHEMA_ID = 'urn:dpsload:emulator.schema.json';

/** JSON Schema of the file, for editors. */
export function emulatorConfigSchema(): object {
  const schema = z.toJSONSchema(emulatorSchema, { io: 'input', target: 'draft-7', reused: 'ref' });
  return { $id: SCHEMA_ID, title: 'dpsload emulator', ...schema };
}
