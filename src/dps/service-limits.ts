/*
 * What the service's documentation promises at most ("Azure IoT Hub Device Provisioning Service limits", "IoT Hub quotas and
 * throttling").
 */

/** Device registrations that one DPS instance can hold; those of deleted enrollments count too. */
export const RECORDS_PER_INSTANCE_MAX = 1_000_000;

/** Register requests that one DPS instance grants. */
export const REGISTRATIONS_PER_MINUTE_MAX = 1_000;

export const DEVICES_PER_HUB_MAX = 1_000_000;

export const HUB_TIERS = ['S1', 'S2', 'S3'] as const;

export type HubTier = (typeof HUB_TIERS)[number];

/** Identity operations of a hub; each first assignment makes an identity there. */
export const IDENTITY_OPERATIONS_PER_MINUTE_PER_UNIT: Readonly<Record<HubTier, number>> = {
  S1: 100,
  S2: 100,
  S3: 5_000,
};
