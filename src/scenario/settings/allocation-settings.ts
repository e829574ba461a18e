import { ALLOCATION_POLICIES, REPROVISION_POLICIES } from '../../allocation/allocation-expectation.ts';
import { HUB_WEIGHTS, HUBS_BY_NAME } from '../notation/lists.ts';
import { choice, FOLDER, PERCENTAGE, PERCENTAGE_OR_ZERO, TEXT, YES_NO } from '../notation/notation.ts';
import { inGroup, setting, unflagged } from './setting.ts';

const NOT_ASSUMED = 'no expectation is assumed';

/** What the allocation policy should do, and where the run's devices are. */
export const ALLOCATION_SETTINGS = inGroup('Allocation', {
  allocationPolicy: unflagged('allocation.policy', choice(ALLOCATION_POLICIES), {
    reason: NOT_ASSUMED,
    help: 'allocation policy configured at the service; even requires equal weights, static one hub',
  }),
  allocationExpected: unflagged('allocation.expected', HUB_WEIGHTS, {
    reason: NOT_ASSUMED,
    help: 'hubs that should receive the fleet, with their weights; a hub that is not listed, or has weight 0, should receive no device',
  }),
  allocationGroups: unflagged('allocation.groups', HUBS_BY_NAME, {
    reason: NOT_ASSUMED,
    help: "hubs for each value of the CSV's column group, with their weights",
  }),
  allocationRegions: unflagged('allocation.regions', HUBS_BY_NAME, {
    reason: NOT_ASSUMED,
    help: 'hubs for each --region, with their weights',
  }),
  allocationByRow: unflagged('allocation.byRow', YES_NO, {
    default: false,
    reason: NOT_ASSUMED,
    help: "expect each device at the hub in the CSV's column expected_hub",
  }),
  allocationAsRun: unflagged('allocation.asRun', FOLDER, {
    reason: NOT_ASSUMED,
    help: 'folder of an earlier run: expect the shares of its initial assignments',
  }),
  allocationTolerance: unflagged('allocation.tolerance', PERCENTAGE, {
    default: 0.02,
    reason: 'about 12,500 devices are enough for three even shares',
    help: 'percentage points by which a share may deviate, to either side: 6% lets 50% become 44% to 56%',
  }),
  allocationConfidence: unflagged('allocation.confidence', PERCENTAGE, {
    default: 0.95,
    reason: 'the usual level',
    help: 'confidence with which the intervals of all shares hold at once',
  }),
  reprovision: unflagged('allocation.reprovision', choice(REPROVISION_POLICIES), {
    reason: NOT_ASSUMED,
    help: 'what should happen to devices that register again: migrate moves them with deviceDataMigrated, reset with deviceDataReset; with never, no device moves',
  }),
  moved: unflagged('allocation.moved', PERCENTAGE_OR_ZERO, {
    defaultText: '0% when reprovision is given',
    reason: 'devices stay where they are as long as the hubs do',
    help: 'share of the devices with a hub that should move to another one when they register again',
  }),
  region: setting('region', TEXT, {
    reason: 'only the operator knows',
    help: "where this run's devices are: their row in the table of hubs and regions",
  }),
});
