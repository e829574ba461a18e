// The emulator as a library, for tests of other packages: import { startEmulator } from 'dpsload/emulator'.
export { createCertificate, type KeyedCertificate } from '../certificates/certificate.ts';
export type { SignatureHash } from '../certificates/key-algorithm.ts';
export type { ServerKeys } from '../certificates/server-identity.ts';
export { deriveDeviceKey } from '../dps/device-key.ts';
export { hubUsername } from '../dps/hub-identity.ts';
export type { RegistrationStateBody } from '../dps/payloads.ts';
export { buildHubSasToken, buildSasToken, signedToken } from '../dps/sas-token.ts';
export { OperatorError } from '../problem/operator-error.ts';
export { DEFAULT_HUBS, defaultInstance } from './config/default-instance.ts';
export { EMULATOR_ID_SCOPE_DEFAULT, WELL_KNOWN_GROUP_KEY } from './config/emulator-defaults.ts';
export { type EmulatorConfig, readEmulatorConfig } from './config/read-emulator-config.ts';
export type {
  Connection,
  ConnectStep,
  Conversation,
  Handshake,
  KeptPassword,
  OtherStep,
  PresentedCertificate,
  PublishStep,
  Step,
} from './conversation/conversation.ts';
export type { Finding, FindingCode, FindingKind } from './conversation/finding.ts';
export { CONVERSATION_LIMITS_DEFAULT, type ConversationLimits } from './conversation/kept-conversations.ts';
export type { Emulator, EmulatorOptions } from './emulator.ts';
export type { HubCounters } from './hub/hub-state.ts';
export type { DeviceView, EmulatorEvents } from './observed-devices.ts';
export type { WaitOptions } from './registration-watch.ts';
export type { EmulatorChanges } from './running-config.ts';
export type { EmulatedHub, HubDevice, LinkedHubs } from './server/emulated-hubs.ts';
export type { SessionLimits } from './server/packet-stream.ts';
export {
  type Attestation,
  type CustomAllocationDefinition,
  type DpsInstance,
  ENROLLMENT_DEFAULTS,
  type Enrollment,
  type EnrollmentAllocationPolicy,
  type EnrollmentGroup,
  type EnrollmentReprovisionPolicy,
  type EnrollmentSettings,
  type IndividualEnrollment,
  type LatencyRegion,
  type LinkedHub,
  type SymmetricKeyAttestation,
  type TpmAttestation,
  type X509Attestation,
} from './service/dps-instance.ts';
export type { Delay, LongTail } from './service/draws.ts';
export type { FaultRecord } from './service/fault-plan.ts';
export { FAULT_POINTS, type Fault, type FaultPoint, type FaultRule, HUB_FAULT_POINTS } from './service/fault-rule.ts';
export { NO_QUOTAS, type Quotas, type RateLimit } from './service/quotas.ts';
export type { RecordLine } from './service/registration-record.ts';
export { SERVICE_API_BEHAVIOR_DEFAULT, type ServiceApiBehavior } from './service/service-api-behavior.ts';
export type { ServiceBehavior } from './service/service-behavior.ts';
export type { ServiceCounters } from './service/service-counters.ts';
export { PERMISSIONS, type Permission, type SharedAccessPolicy } from './service/shared-access-policy.ts';
export { startEmulator } from './start-emulator.ts';
