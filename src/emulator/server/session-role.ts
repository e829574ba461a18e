import type { X509Certificate } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Handshake } from '../conversation/conversation.ts';
import type { ConnectRequest, RefusedConnect } from '../service/connect-check.ts';
import type { Fault, FaultPoint } from '../service/fault-rule.ts';
import type { Delivery } from '../service/request-handling.ts';
import type { ConnectPacket, PublishPacket } from './packet-reader.ts';

/** An accepted connection, whatever its transport. */
export type Accepted = {
  readonly stream: Duplex;
  /** Certificates from the TLS handshake, the device's own first. */
  readonly certificates: () => readonly X509Certificate[];
  /** IP address of the device; `null` = unknown. */
  readonly sourceAddress: () => string | null;
  /** From the TLS handshake (SNI); `null` = the device sent none. */
  readonly serverName: () => string | null;
  /** All that the TLS handshake agreed on: this costs more than the rest. */
  readonly handshake: () => Handshake;
};

export type AcceptedConnect<Device> = {
  readonly returnCode: 0;
  readonly device: Device;
  /** Before CONNACK; absent = 0. */
  readonly waitMs?: number;
  /** Real time until the connection ends, infinite = it stays; absent = it stays. */
  readonly endsInMs?: number;
  /** Granted QoS by filter, of an earlier connection too; absent = every connection begins without any. */
  readonly subscriptions?: { readonly granted: Map<string, 0 | 1>; readonly isPresent: boolean };
};

/** `returnCode: null`: the connection is closed without CONNACK. */
export type JudgedConnect<Device> =
  | AcceptedConnect<Device>
  | RefusedConnect
  | { readonly returnCode: null; readonly reason: string };

/** What a service makes of a PUBLISH. */
export type DeviceRequest = {
  readonly point: FaultPoint;
  /** `null` = the request gets no answer. */
  readonly requestId: string | null;
};

export type RoleAnswer = {
  /** For the log; `null` = the request was not refused. */
  readonly refusal: string | null;
  readonly deliveries: readonly Delivery[];
  /** What is answered instead when the state cannot be kept; absent = the same. */
  readonly unkept?: () => RoleAnswer;
};

/** What differs between the sessions of the provisioning service and those of a hub. */
export type SessionRole<Device, Request extends DeviceRequest> = {
  readonly points: { readonly connect: FaultPoint; readonly subscribe: FaultPoint };
  readonly messageBytesMax: number;
  readonly subscriptionsMax: number;
  /** A connection that is silent for longer is closed, whatever keep-alive time the device names; infinite = it stays. */
  readonly silenceMaxMs: number;
  /** What devices may subscribe, for the log. */
  readonly subscribable: string;
  readonly judge: (request: ConnectRequest, packet: ConnectPacket, accepted: Accepted) => JudgedConnect<Device>;
  /** Among the open sessions. */
  readonly keyOf: (device: Device) => string;
  readonly idOf: (device: Device) => string;
  /** Whether the device has proved who it is, and may take over from another connection of its ID. */
  readonly isProven: (device: Device) => boolean;
  /** Why a connection ends before its next packet; `null` = it goes on. */
  readonly endReason: (device: Device) => string | null;
  readonly grants: (filter: string, device: Device) => boolean;
  /** `null` = nothing that the service knows. */
  readonly parse: (topic: string, device: Device) => Request | null;
  readonly answerDelayMs: (device: Device) => number;
  readonly answer: (request: Request, packet: PublishPacket, device: Device, fault: Fault | null) => RoleAnswer;
};
