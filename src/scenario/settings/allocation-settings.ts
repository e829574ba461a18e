import { ALLOCATION_POLICIES, REPROVISION_POLICIES } from '../../allocation/allocation-expectation.ts';
import { HUB_WEIGHTS, HUBS_BY_NAME } from '../notation/lists.ts';
import { choice, FOLDER, PERCENTAGE, PERCENTAGE_OR_ZERO, TEXT, YES_NO } from '../notation/notation.ts';
import { inGroup, setting } from './setting.ts';

const NOT_ASSUMED = 'no expectation is assumed';

/** What the allocation policy should do, and where the run's devices are. */
export const ALLOCATION_SETTINGS = inGroup('Allocation', {
  allocationPolicy: setting('allocation.policy', choice(ALLOCATION_POLICIES), {
    flag: null,
    reason: NOT_ASSUMED,
    help: 'allocation policy configured at the service; even requires equal weights, static one hub',
  }),
  allocationExpected: setting('allocation.expected', HUB_WEIGHTS, {
    flag: null,
    reason: NOT_ASSUMED,
    help: 'hubs that should receive the fleet, with their weights; a hub that is not listed, or has weight 0, should receive no device',
  }),
  allocationGroups: setting('allocation.groups', HUBS_BY_NAME, {
    flag: null,
    reason: NOT_ASSUMED,
    help: "hubs for each value of the CSV's column group, with their weights",
  }),
  allocationRegions: setting('allocation.regions', HUBS_BY_NAME, {
    flag: null,
    reason: NOT_ASSUMED,
    help: 'hubs for each --region, with their weights',
  }),
  allocationByRow: setting('allocation.byRow', YES_NO, {
    flag: null,
    default: false,
    defaultText: 'no',
    reason: NOT_ASSUMED,
    help: "expect each device at the hub in the CSV's column expected_hub",
  }),
  allocationAsRun: setting('allocation.asRun', FOLDER, {
    flag: null,
    reason: NOT_ASSUMED,
    help: 'folder of an earlier run: expect the shares of its initial assignments',
  }),
  allocationTolerance: setting('allocation.tolerance', PERCENTAGE, {
    flag: null,
    default: 0.02,
    reason: 'about 13,000 devices are enough for three even shares',
    help: 'percentage points by which a share may deviate, to either side',
  }),
  allocationConfidence: setting('allocation.confidence', PERCENTAGE, {
    flag: null,
    default: 0.95,
    reason: 'the usual level',
    help: 'confidence with which the intervals of all shares hold at once',
  }),
  reprovision: setting('allocation.reprovision', choice(REPROVISION_POLICIES), {
    flag: null,
    reason: NOT_ASSUMED,
    help: 'what should happen to devices that register again: migrate moves them with deviceDataMigrated, reset with deviceDataReset; with never, no device moves',
  }),
  moved: setting('allocation.moved', PERCENTAGE_OR_ZERO, {
    flag: null,
    defaultText: '0% when reprovision is given',
    reason: 'devices stay where they are as long as the hubs do',
    help: 'share of the devices with a hub that should move to another one when they register again',
  }),
  region: setting('region', TEXT, {
    reason: 'only the operator knows',
    help: "where this run's devices are: their row in the table of hubs and regions",
  }),
});
