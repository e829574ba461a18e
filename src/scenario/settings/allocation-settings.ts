import {
  ALLOCATION_POLICIES,
  type AllocationPolicy,
  REPROVISION_POLICIES,
} from '../../allocation/allocation-expectation.ts';
import { HUB_WEIGHTS, HUBS_BY_NAME } from '../notation/lists.ts';
import { choice, FOLDER, notation, PERCENTAGE, TEXT, YES_NO } from '../notation/notation.ts';
import { setting } from './setting.ts';

const NO_DEFAULT = { default: null, defaultText: 'none' } as const;
const NOT_A_FLAG = { flag: null } as const;
const UNTOLD = 'nothing is expected unasked';

/** Also 0%. */
const SHARE = notation(
  'percent',
  'a percentage from 0% to 100%',
  'Write a number with a percent sign, for example 25%',
  (text) => (/^0(?:\.0+)?%$/.test(text) ? 0 : 'value' in PERCENTAGE.read(text) ? Number.parseFloat(text) / 100 : null),
  (share) => `${Number((share * 100).toFixed(6))}%`,
);

/** What the allocation policy should do, and what the run does beside it. */
export const ALLOCATION_SETTINGS = {
  allocationPolicy: setting<AllocationPolicy>({
    key: 'allocation.policy',
    ...NOT_A_FLAG,
    notation: choice(ALLOCATION_POLICIES),
    ...NO_DEFAULT,
    reason: UNTOLD,
    help: 'allocation policy that is set up at the service; even wants equal weights, static one hub',
    group: 'Allocation',
  }),
  allocationExpected: setting({
    key: 'allocation.expected',
    ...NOT_A_FLAG,
    notation: HUB_WEIGHTS,
    ...NO_DEFAULT,
    reason: UNTOLD,
    help: 'hubs that the fleet should come to, with their weights; a hub with weight 0, or none, should get no device',
    group: 'Allocation',
  }),
  allocationGroups: setting({
    key: 'allocation.groups',
    ...NOT_A_FLAG,
    notation: HUBS_BY_NAME,
    ...NO_DEFAULT,
    reason: UNTOLD,
    help: "hubs for each value of the CSV's column group, with their weights",
    group: 'Allocation',
  }),
  allocationRegions: setting({
    key: 'allocation.regions',
    ...NOT_A_FLAG,
    notation: HUBS_BY_NAME,
    ...NO_DEFAULT,
    reason: UNTOLD,
    help: 'hubs for each --region, with their weights',
    group: 'Allocation',
  }),
  allocationByRow: setting({
    key: 'allocation.byRow',
    ...NOT_A_FLAG,
    notation: YES_NO,
    default: false,
    defaultText: 'no',
    reason: UNTOLD,
    help: "each device should come to the hub in the CSV's column expected_hub",
    group: 'Allocation',
  }),
  allocationAsRun: setting({
    key: 'allocation.asRun',
    ...NOT_A_FLAG,
    notation: FOLDER,
    ...NO_DEFAULT,
    reason: UNTOLD,
    help: 'folder of an earlier run: the shares should be those of its initial assignments',
    group: 'Allocation',
  }),
  allocationTolerance: setting({
    key: 'allocation.tolerance',
    ...NOT_A_FLAG,
    notation: PERCENTAGE,
    default: 0.02,
    reason: 'some 13,000 devices are enough for three even shares',
    help: 'how many percentage points a share may be off, to either side',
    group: 'Allocation',
  }),
  allocationConfidence: setting({
    key: 'allocation.confidence',
    ...NOT_A_FLAG,
    notation: PERCENTAGE,
    default: 0.95,
    reason: 'the usual one',
    help: 'with which the intervals of all shares hold at once',
    group: 'Allocation',
  }),
  reprovision: setting({
    key: 'allocation.reprovision',
    ...NOT_A_FLAG,
    notation: choice(REPROVISION_POLICIES),
    ...NO_DEFAULT,
    reason: UNTOLD,
    help: 'what should become of devices that register again: who moves is told deviceDataMigrated, or deviceDataReset, or never moves',
    group: 'Allocation',
  }),
  moved: setting({
    key: 'allocation.moved',
    ...NOT_A_FLAG,
    notation: SHARE,
    default: null,
    defaultText: '0% where reprovision is given',
    reason: 'devices stay where they are while the hubs do',
    help: 'part of the devices with a hub that should come to another one when they register again',
    group: 'Allocation',
  }),
  region: setting({
    key: 'region',
    notation: TEXT,
    ...NO_DEFAULT,
    reason: 'only the operator knows',
    help: 'where the devices of this run are: its line in the table of hubs and regions',
    group: 'Allocation',
  }),
  leftBehind: setting({
    key: 'leftBehind',
    notation: YES_NO,
    default: false,
    defaultText: 'no',
    reason: 'a batch is meant to stay',
    help: 'list registration records and device identities that the run leaves behind, with the commands that would remove them (left-behind.txt); removes nothing',
    group: 'Run',
  }),
} as const;
