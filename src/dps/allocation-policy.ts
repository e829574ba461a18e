/** How the service chooses hubs, in the words of its portal. */
export const ALLOCATION_POLICIES = ['even', 'weighted', 'lowest-latency', 'static', 'custom'] as const;

export type AllocationPolicy = (typeof ALLOCATION_POLICIES)[number];

/** What the service does with a device that registers again: move it with its data, move it without, leave it where it is. */
export const REPROVISION_POLICIES = ['migrate', 'reset', 'never'] as const;

export type ReprovisionPolicy = (typeof REPROVISION_POLICIES)[number];
