/*
 * Names that a run shares with its emulator, kept apart from the schemas of an instance, which would take a run 10 ms to load.
 */

/** ID scope of an emulator that is given no other. */
export const EMULATOR_ID_SCOPE_DEFAULT = '0ne0000E000';

/** The enrollment group of an emulator without a configuration file. */
export const EMULATOR_GROUP_DEFAULT = 'default';
