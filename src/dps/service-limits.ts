/*
 * Documented limits of the service ("Azure IoT Hub Device Provisioning Service limits", "IoT Hub quotas and throttling").
 */

/** Device registrations per DPS instance, including those of deleted enrollments. */
export const RECORDS_PER_INSTANCE_MAX = 1_000_000;

/** Register requests per DPS instance. */
export const REGISTRATIONS_PER_MINUTE_MAX = 1_000;

export const DEVICES_PER_HUB_MAX = 1_000_000;

export const HUB_TIERS = ['S1', 'S2', 'S3'] as const;

export type HubTier = (typeof HUB_TIERS)[number];

/** Identity operations per hub unit; each first assignment creates an identity in the hub. */
export const IDENTITY_OPERATIONS_PER_MINUTE_PER_UNIT: Readonly<Record<HubTier, number>> = {
  S1: 100,
  S2: 100,
  S3: 5_000,
};
