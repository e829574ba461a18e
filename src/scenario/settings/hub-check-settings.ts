import { HUB_HOST_ENDINGS } from '../../dps/endpoint.ts';
import { hubConnectionsPerSecond } from '../../dps/service-limits.ts';
import { HUB_CHECKS } from '../../hub/hub-check.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../time/duration.ts';
import { durationBetween } from '../notation/duration.ts';
import { HOST_ENDINGS, HUB_PLACE, SHARE_OR_ALL } from '../notation/hub-check.ts';
import { choice, wholeNumberBetween } from '../notation/notation.ts';
import { inGroup, setting, unflagged } from './setting.ts';

const S1_PER_SECOND = hubConnectionsPerSecond('S1', 1);

/** A hub of the largest tier with all its units. */
const PER_SECOND_MAX = hubConnectionsPerSecond('S3', 200);

const TIME_LIMIT = durationBetween(1, HOUR_MS);

/** Whether devices prove, once they are registered, that they can use their hubs. */
export const HUB_CHECK_SETTINGS = inGroup('Hub check', {
  hubCheck: setting(
    'hubCheck.check',
    { ...choice(HUB_CHECKS), placeholder: 'kind' },
    {
      reason: 'a run registers; that devices reach their hubs is a second question, with other limits',
      help: 'when all devices are registered, check a sample of them at their assigned hubs, with their own credentials: connect opens a connection, telemetry also sends one small message (which the hub bills, and its consumers see), twin also reads the device twin. Ends with exit code 3 if a device fails',
    },
  ),
  hubCheckShare: setting('hubCheck.share', SHARE_OR_ALL, {
    default: 0.05,
    reason: 'finds what is wrong with a hub or a key, at a twentieth of connections and messages',
    help: 'share of the devices of each hub to check, at least one of each, drawn by --seed',
  }),
  hubConnectTo: setting('hubCheck.connectTo', HUB_PLACE, {
    defaultText: 'the name of each hub; with --emulator, its hubs',
    reason: 'a hub is where its name says',
    help: 'connect to this place for every hub, such as the --hub-port of an emulator; SNI and certificate checks keep the name of the hub',
  }),
  hubConnectionsPerSecond: unflagged('hubCheck.connectionsPerSecond', wholeNumberBetween(1, PER_SECOND_MAX), {
    defaultText: `half of what tier and units in --hubs allow, ${S1_PER_SECOND / 2} for other hubs`,
    reason: `the smallest hub of the standard tier accepts ${S1_PER_SECOND} new connections a second; the other half is left to devices in the field`,
    help: 'new connections a second at each hub',
  }),
  hubConnections: unflagged('hubCheck.concurrency', wholeNumberBetween(1, 10_000), {
    default: 100,
    reason: 'a connection takes less than a second, so that two hubs are kept busy',
    help: 'connections open at once, over all hubs',
  }),
  hubAttempts: unflagged('hubCheck.attempts', wholeNumberBetween(1, 100), {
    default: 5,
    reason: 'as many as for a registration',
    help: 'connections for one device when the hub is busy or away',
  }),
  hubIdentityWait: unflagged('hubCheck.identityWait', durationBetween(0, HOUR_MS), {
    default: MINUTE_MS,
    reason: 'hubs have been seen to refuse good devices for seconds to a minute after their assignment',
    help: 'how long after its assignment a device that its hub refuses is tried again',
  }),
  hubConnectTimeout: unflagged('hubCheck.connectTimeout', TIME_LIMIT, {
    default: MINUTE_MS,
    reason: 'a hub at its limit has been seen to accept a connection after 54 s; official SDKs wait for 60 s',
    help: 'time limit from opening a connection to a hub to its CONNACK',
  }),
  hubAnswerTimeout: unflagged('hubCheck.answerTimeout', TIME_LIMIT, {
    default: 30_000,
    reason: 'same as for a registration',
    help: 'time limit for the acknowledgement of the message, or for the twin',
  }),
  hubCheckDuration: unflagged('hubCheck.duration', durationBetween(1_000, 31 * DAY_MS), {
    default: HOUR_MS,
    reason: 'enough for 180,000 devices of one hub at the default pace',
    help: 'end the check after this time; dpsload resume and dpsload hub-check continue it',
  }),
  hubAllowedHosts: unflagged('hubCheck.allowedHosts', HOST_ENDINGS, {
    default: HUB_HOST_ENDINGS,
    reason: 'IoT hubs of the public cloud, and of those for China and US government; credentials go nowhere else',
    help: 'endings of host names to which devices may connect; a hub that the service names otherwise is not dialed',
  }),
});
