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

/** Of one hub. */
export const HUB_UNITS_MAX = 200;

/** What a hub of so many units allows: no less than `floor`, and `perUnit` for each unit. */
const CONNECTIONS_PER_SECOND: Readonly<Record<HubTier, { readonly floor: number; readonly perUnit: number }>> = {
  S1: { floor: 100, perUnit: 12 },
  S2: { floor: 0, perUnit: 120 },
  S3: { floor: 0, perUnit: 6_000 },
};

/** New connections that a hub accepts in a second. */
export function hubConnectionsPerSecond(tier: HubTier, units: number): number {
  const { floor, perUnit } = CONNECTIONS_PER_SECOND[tier];
  return Math.max(floor, perUnit * units);
}

/** A hub closes a connection that is silent for longer, whatever keep-alive time the device names. */
export const HUB_SILENCE_SECONDS_MAX = 1_767;

/** Topic filters that a device may have subscribed at its hub. */
export const HUB_SUBSCRIPTIONS_MAX = 5;
