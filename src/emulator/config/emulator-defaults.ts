/*
 * Names that a run shares with its emulator, kept apart from the schemas of an instance, which would take a run 10 ms to load.
 */

/** ID scope of an emulator that is given no other. */
export const EMULATOR_ID_SCOPE_DEFAULT = '0ne0000E000';

/** The enrollment group of an emulator without a configuration file. */
export const EMULATOR_GROUP_DEFAULT = 'default';

/** Public, for clients that are to know their key beforehand: "The well-known key of the dpsload emulator. Public, not a secret". */
export const WELL_KNOWN_GROUP_KEY =
  'VGhlIHdlbGwta25vd24ga2V5IG9mIHRoZSBkcHNsb2FkIGVtdWxhdG9yLiBQdWJsaWMsIG5vdCBhIHNlY3JldA==';
