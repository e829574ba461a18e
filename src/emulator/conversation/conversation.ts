import type { Finding } from './finding.ts';

/** Everything that one device did, oldest first, and what is wrong with it. Times are milliseconds since 1970. */
export type Conversation = {
  /** As the device wrote its client ID last. */
  readonly registrationId: string;
  readonly connections: readonly Connection[];
  /** Steps that are no longer kept. */
  readonly forgottenSteps: number;
  readonly findings: readonly Finding[];
};

/** One connection that sent a CONNECT packet: the first step. The last is `end`, unless the connection is open. */
export type Connection = Handshake & {
  /** Counts the connections of the device from 1. */
  readonly number: number;
  readonly atMs: number;
  /** Of this connection: the CONNECT is always kept. */
  readonly forgottenSteps: number;
  readonly steps: readonly Step[];
};

/** What was agreed before the CONNECT; `null` = unknown, or not sent. */
export type Handshake = {
  readonly transport: 'mqtt' | 'websocket';
  readonly tlsVersion: string | null;
  readonly cipherSuite: string | null;
  /** SNI. */
  readonly serverName: string | null;
  readonly sourceAddress: string | null;
  /** The device's own certificate first; empty = it presented none. */
  readonly certificates: readonly PresentedCertificate[];
};

export type PresentedCertificate = {
  readonly subject: string;
  readonly issuer: string;
  readonly commonName: string | null;
  readonly notAfter: string;
};

export type Step = ConnectStep | PublishStep | OtherStep;

/** The password itself is never kept. */
export type ConnectStep = {
  readonly from: 'device';
  readonly type: 'connect';
  readonly atMs: number;
  /** Name and level: `MQTT 4` is MQTT 3.1.1. */
  readonly protocol: string;
  readonly clientId: string;
  readonly username: string | null;
  /** `null` = none in the user name, or none that can be read. */
  readonly idScope: string | null;
  readonly registrationId: string | null;
  readonly apiVersion: string | null;
  readonly userAgent: string | null;
  readonly password: KeptPassword | null;
  readonly keepAliveSeconds: number;
  readonly cleanSession: boolean;
  readonly hasWill: boolean;
};

export type KeptPassword =
  | {
      readonly kind: 'token';
      /** Decoded. */
      readonly resource: string;
      readonly expiresAtMs: number;
      /** At the CONNECT, by the real time: the service's time may have been put forward. */
      readonly validForMs: number;
      /** `skn`; `null` = absent. */
      readonly policyName: string | null;
      /** Whether the signature is percent-encoded, as far as it must be. */
      readonly isEncoded: boolean;
    }
  /** A password, but not a SAS token. */
  | { readonly kind: 'other' };

export type PublishStep = {
  readonly from: 'device' | 'emulator';
  readonly type: 'publish';
  readonly atMs: number;
  readonly topic: string;
  /** As text: cut if it is long, without what looks like a secret. */
  readonly payload: string;
  readonly payloadBytes: number;
  readonly qos: number;
  readonly retain: boolean;
  readonly isDuplicate: boolean;
  /** `null` with QoS 0. */
  readonly packetId: number | null;
};

export type OtherStep = { readonly atMs: number } & (
  | {
      readonly from: 'device';
      readonly type: 'subscribe';
      readonly packetId: number;
      readonly subscriptions: readonly { readonly filter: string; readonly qos: number }[];
    }
  | {
      readonly from: 'device';
      readonly type: 'unsubscribe';
      readonly packetId: number;
      readonly filters: readonly string[];
    }
  | { readonly from: 'device' | 'emulator'; readonly type: 'puback'; readonly packetId: number }
  | { readonly from: 'device'; readonly type: 'pingreq' | 'disconnect' }
  /** A packet that no device sends here. */
  | { readonly from: 'device'; readonly type: 'other'; readonly name: string }
  | { readonly from: 'emulator'; readonly type: 'connack'; readonly returnCode: number }
  | {
      readonly from: 'emulator';
      readonly type: 'suback';
      readonly packetId: number;
      readonly returnCodes: readonly number[];
    }
  | { readonly from: 'emulator'; readonly type: 'unsuback'; readonly packetId: number }
  | { readonly from: 'emulator'; readonly type: 'pingresp' }
  /** What the emulator also logs: why it refused a request, or which fault it injected. */
  | { readonly from: 'emulator'; readonly type: 'note'; readonly text: string }
  /** `from` is who ended the connection. */
  | { readonly from: 'device' | 'emulator'; readonly type: 'end'; readonly reason: string }
);
