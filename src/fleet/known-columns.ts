import { bareWord, isOneEditAway } from '../problem/similar-word.ts';

/** The input columns: those of a fleet CSV that have a meaning; only the first is required. */
export const KNOWN_COLUMNS = [
  'registration_id',
  'device_key',
  'cert_file',
  'key_file',
  'payload',
  'group',
  'expected_hub',
] as const;

export type KnownColumn = (typeof KNOWN_COLUMNS)[number];

const SECRET_PARTS = ['token', 'secret', 'password', 'passwd', 'passphrase', 'credential', 'connectionstring'];

/** The known column that `name` was probably meant to be: different case or separator, a plural, or one edit away. */
export function resembledColumn(name: string): KnownColumn | null {
  const bare = bareWord(name);
  return (
    KNOWN_COLUMNS.find((known) => {
      const bareKnown = bareWord(known);
      return [bareKnown, `${bareKnown}s`, `${bareKnown}es`].includes(bare) || isOneEditAway(bareKnown, bare);
    }) ?? null
  );
}

/** What factories call the column of registration IDs, the most telling first. */
const ID_NAMES = [
  ...['regid', 'registration', 'registrationname', 'deviceid', 'dpsid', 'provisioningid', 'serial', 'serialno'],
  ...['serialnr', 'serialnum', 'serialnumber', 'seriennummer', 'seriennr', 'sn', 'device', 'devicename', 'endpointid'],
  ...['uid', 'uuid', 'imei', 'mac', 'macaddress', 'id'],
];

/** How telling `name` is as the column of registration IDs: 0 is most, `null` not at all. */
export function idNameRank(name: string): number | null {
  const place = ID_NAMES.indexOf(bareWord(name).replace(/[^a-z0-9]/g, ''));
  return place < 0 ? null : place;
}

/** The one of `names` that is most probably the column of registration IDs. */
export function likelyIdColumn(names: readonly string[]): string | null {
  const ranked = names.flatMap((name) => {
    const rank = idNameRank(name);
    return rank === null ? [] : [{ name, rank }];
  });
  return ranked.sort((a, b) => a.rank - b.rank)[0]?.name ?? null;
}

/** Whether a column of this name probably holds secrets, which would be copied into the results. */
export function isSecretName(name: string): boolean {
  const bare = bareWord(name);
  const words = name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/);
  if (words.some((word) => ['key', 'keys', 'pwd', 'sas'].includes(word))) return true;
  return /keys?$/.test(bare) || SECRET_PARTS.some((part) => bare.includes(part));
}
