import {
  ENROLLMENT_STATUSES,
  HUB_POLICIES,
  REPROVISIONINGS,
  SERVICE_OPERATIONS_PER_MINUTE_MAX,
} from '../../dps/service-api.ts';
import { HOST_LIST } from '../notation/lists.ts';
import { choice, FILE, PERCENTAGE, TEXT, wholeNumberBetween, YES_NO } from '../notation/notation.ts';
import { inGroup, setting } from './setting.ts';

const BY_DEFAULT_AS_SERVICE = 'as the service does it';

/** How the commands that change or read enrollments and registration records reach the service API. */
export const SERVICE_API_SETTINGS = inGroup('Service API', {
  serviceConnectionFile: setting('serviceApi.connectionFile', FILE, {
    defaultText: 'the environment variable DPSLOAD_SERVICE_CONNECTION',
    reason: 'keys never go on the command line',
    help: 'file with the connection string of the DPS instance: HostName=…;SharedAccessKeyName=…; and so on',
  }),
  operationsPerMinute: setting('serviceApi.operationsPerMinute', wholeNumberBetween(1, 1_000_000), {
    default: SERVICE_OPERATIONS_PER_MINUTE_MAX,
    reason: 'the documented quota of one DPS instance',
    help: 'service API operations that the DPS instance allows per minute',
  }),
  operationsShare: setting('serviceApi.operationsShare', PERCENTAGE, {
    default: 0.9,
    reason: 'leaves a margin for portal and scripts, and for how the service counts',
    help: 'share of these operations that the command may use',
  }),
});

/** What the enrollments that dpsload enroll creates are like; a column of the fleet decides for its row. */
export const ENROLLMENT_SETTINGS = inGroup('Enrollment', {
  generateKeys: setting('enrollment.generateKeys', YES_NO, {
    default: false,
    reason: 'most fleets have their keys already',
    help: 'have the service generate the keys of rows without a device_key, and write them to fleet-with-keys.csv',
  }),
  iotHubs: setting('enrollment.iotHubs', HOST_LIST, {
    defaultText: 'every linked hub',
    reason: BY_DEFAULT_AS_SERVICE,
    help: 'hubs that devices may be assigned to; needs an allocation policy (column iot_hubs)',
  }),
  hubPolicy: setting(
    'enrollment.allocationPolicy',
    { ...choice(HUB_POLICIES), placeholder: 'policy' },
    {
      defaultText: 'that of the DPS instance',
      reason: BY_DEFAULT_AS_SERVICE,
      help: 'how a hub is chosen: hashed, geoLatency, static or custom (column allocation_policy)',
    },
  ),
  webhookUrlFile: setting('enrollment.webhook.urlFile', FILE, {
    reason: 'only custom allocation has one, and it may contain a key',
    help: 'file with the URL of the allocation webhook; needed for the policy custom',
  }),
  webhookApiVersion: setting('enrollment.webhook.apiVersion', TEXT, {
    default: '2019-03-31',
    reason: 'the version that the Azure CLI documents',
    help: 'api-version of the requests to the webhook',
  }),
  initialTwin: setting('enrollment.initialTwinFile', FILE, {
    reason: 'the hub then begins with an empty twin',
    help: 'JSON file with the initial twin, {"tags":{…},"properties":{"desired":{…}}} (column initial_twin, JSON)',
  }),
  reprovisioning: setting(
    'enrollment.reprovisioning',
    { ...choice(REPROVISIONINGS), placeholder: 'effect' },
    {
      default: 'migrate',
      reason: BY_DEFAULT_AS_SERVICE,
      help: 'what happens when a device registers again: migrate may move it to another hub with its data, reset may move it and starts it over with the initial twin, never leaves it where it is (column reprovisioning)',
    },
  ),
  enrollmentStatus: setting(
    'enrollment.status',
    { ...choice(ENROLLMENT_STATUSES), placeholder: 'status' },
    {
      default: 'enabled',
      reason: BY_DEFAULT_AS_SERVICE,
      help: 'whether devices may register: enabled or disabled (column enrollment_status)',
    },
  ),
  iotEdge: setting('enrollment.iotEdge', YES_NO, {
    default: false,
    reason: 'most devices are not gateways',
    help: 'the devices are IoT Edge devices (column iot_edge)',
  }),
});
