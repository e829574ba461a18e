/** Environment variables that hold a key themselves. */
export const GROUP_KEY_VARIABLE = 'DPSLOAD_GROUP_KEY';
export const DEVICE_KEY_VARIABLE = 'DPSLOAD_DEVICE_KEY';

export const SECRET_VARIABLES: readonly string[] = [GROUP_KEY_VARIABLE, DEVICE_KEY_VARIABLE];
