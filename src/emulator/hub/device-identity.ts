import { percentDecoded } from '../../dps/percent-encoding.ts';
import { utcTimestamp } from '../service/answer.ts';
import type { DeviceAuthentication } from '../service/hub-assignment.ts';
import { keptText } from '../service/kept-text.ts';
import { type Twin, type TwinView, twinView } from './twin.ts';

export type IdentityStatus = 'enabled' | 'disabled';

/** What a device has sent to its hub. */
type Telemetry = {
  messages: number;
  /** Topics included. */
  bytes: number;
  /** `null` = none so far. */
  last: { readonly atMs: number; readonly properties: Readonly<Record<string, string>> } | null;
};

/** A device at its hub. There may be a million of these. */
export type DeviceIdentity = {
  readonly deviceId: string;
  readonly createdAtMs: number;
  /** The hub knows the device from then on. */
  readonly knownFromMs: number;
  /** When the device moves away, or moved; infinite = it stays. */
  leavesAtMs: number;
  status: IdentityStatus;
  authentication: DeviceAuthentication;
  iotEdge: boolean;
  /** Until the device moves, the same object at both hubs. */
  twin: Twin;
  /** The identity at the next hub, to which the device moves with its twin; `null` = there is none. */
  sharesTwinWith: { readonly hub: string; readonly deviceId: string } | null;
  telemetry: Telemetry;
  /** Of a device that connects without a clean session: granted QoS by filter. `null` = the device has none. */
  subscriptions: Map<string, 0 | 1> | null;
};

/** One device at one hub, as a line of the records file. It has no keys. */
export type IdentityLine = {
  readonly kind: 'identity';
  readonly hub: string;
  readonly deviceId: string;
  readonly status: IdentityStatus;
  readonly authentication: {
    readonly type: DeviceAuthentication['type'];
    /** SHA-256. */
    readonly thumbprints?: readonly string[];
  };
  readonly capabilities: { readonly iotEdge: boolean };
  readonly createdDateTimeUtc: string;
  readonly twin: TwinView;
  readonly telemetry: {
    readonly messages: number;
    readonly bytes: number;
    readonly lastDateTimeUtc: string | null;
    /** The first ten of the last message, each cut after 150 characters. */
    readonly lastProperties: Readonly<Record<string, string>>;
  };
};

export function identityLine(hub: string, identity: DeviceIdentity): IdentityLine {
  const { deviceId, status, authentication, iotEdge, createdAtMs, twin, telemetry } = identity;
  const { type } = authentication;
  return {
    kind: 'identity',
    hub,
    deviceId,
    status,
    authentication: type === 'selfSigned' ? { type, thumbprints: authentication.thumbprints } : { type },
    capabilities: { iotEdge },
    createdDateTimeUtc: utcTimestamp(createdAtMs),
    twin: twinView(twin),
    telemetry: {
      messages: telemetry.messages,
      bytes: telemetry.bytes,
      lastDateTimeUtc: telemetry.last === null ? null : utcTimestamp(telemetry.last.atMs),
      lastProperties: telemetry.last?.properties ?? {},
    },
  };
}

/** Of the last message of each device. */
const KEPT_PROPERTIES_MAX = 10;

/** Properties of a message from its topic: `name=value&…`, both percent-encoded. @param isRetained the hub adds a property for it */
export function messageProperties(bag: string, isRetained: boolean): Readonly<Record<string, string>> {
  const members = bag === '' ? [] : bag.split('&', KEPT_PROPERTIES_MAX);
  const pairs = members.map((member) => {
    const equals = member.indexOf('=');
    const [name, value] = equals < 0 ? [member, ''] : [member.slice(0, equals), member.slice(equals + 1)];
    return [name, value].map((part = '') => keptText(percentDecoded(part) ?? part));
  });
  return Object.fromEntries(isRetained ? [...pairs, ['mqtt-retain', 'true']] : pairs);
}
