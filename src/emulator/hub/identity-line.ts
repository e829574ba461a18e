import type { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { certificateText } from '../service/certificate-text.ts';
import type { DeviceAuthentication } from '../service/hub-assignment.ts';
import { parseLine, type StateLine } from '../service/state-kind.ts';
import type { DeviceIdentity } from './device-identity.ts';
import { isTwinSection, type TwinSection } from './twin.ts';

const twinSection = z.custom<TwinSection>(isTwinSection, 'must be a section of a twin');

const place = z.object({ hub: z.string(), deviceId: z.string() });

/** Certificates as PEM, which is how JSON writes them. */
const authentication = z.discriminatedUnion('type', [
  z.object({ type: z.literal('sas'), primaryKey: z.string(), secondaryKey: z.string().nullable() }),
  z.object({ type: z.literal('selfSigned'), thumbprints: z.array(z.string()) }),
  z.object({ type: z.literal('certificateAuthority'), certificates: z.array(z.string()) }),
]);

/** A device at its hub. Hubs belong to no instance: several may link the same. */
export const identityLine = z.object({
  kind: z.literal('identity'),
  idScope: z.null(),
  ...place.shape,
  /** `null` = it was deleted. */
  identity: z
    .object({
      createdAtMs: z.number(),
      knownFromMs: z.number(),
      /** `null` = it stays. */
      leavesAtMs: z.number().nullable(),
      status: z.enum(['enabled', 'disabled']),
      authentication,
      iotEdge: z.boolean(),
      twin: z.object({ desired: twinSection, reported: twinSection, tags: twinSection }),
      /** Where the device moves to with its twin; `null` = nowhere. */
      sharesTwinWith: place.nullable(),
    })
    .nullable(),
});

export type IdentityStateLine = z.output<typeof identityLine>;

export function identityToLine(hub: string, identity: DeviceIdentity): StateLine {
  const { deviceId, createdAtMs, knownFromMs, leavesAtMs, status, authentication: own, iotEdge, twin } = identity;
  const { sharesTwinWith } = identity;
  return {
    kind: 'identity',
    idScope: null,
    hub,
    deviceId,
    identity: {
      createdAtMs,
      knownFromMs,
      leavesAtMs: Number.isFinite(leavesAtMs) ? leavesAtMs : null,
      status,
      authentication: own,
      iotEdge,
      twin: { ...twin },
      sharesTwinWith: sharesTwinWith && { hub: sharesTwinWith.hub, deviceId: sharesTwinWith.deviceId },
    },
  } as StateLine;
}

export function deletedIdentityLine(hub: string, deviceId: string): StateLine {
  const line: IdentityStateLine = { kind: 'identity', idScope: null, hub, deviceId, identity: null };
  return line;
}

/** Certificates that many devices share are parsed once. */
export class ReadAuthentications {
  readonly #certificates = new Map<string, X509Certificate>();

  of(read: NonNullable<IdentityStateLine['identity']>['authentication']): DeviceAuthentication {
    if (read.type !== 'certificateAuthority') return read;
    return { type: read.type, certificates: read.certificates.map((text) => this.#certificate(text)) };
  }

  #certificate(text: string): X509Certificate {
    const certificate = this.#certificates.get(text) ?? parseLine(certificateText, text);
    this.#certificates.set(text, certificate);
    return certificate;
  }
}
