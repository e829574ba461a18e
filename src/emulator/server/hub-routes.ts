import type { LinkedHubs } from './emulated-hubs.ts';

/*
 * GET /hubs                            every linked hub, with its counters
 * GET /hubs/{host}/devices/{deviceId}  one device with its twin; 404 = the hub does not know it
 */

/** The body of what such a path names; `null` = nothing. @param segments of the path behind `/hubs` */
export function hubsResource(hubs: Pick<LinkedHubs, 'list' | 'device'>, segments: readonly string[]): object | null {
  const [host = '', collection = '', deviceId = '', ...more] = segments;
  if (host === '' && more.length === 0 && collection === '') return hubs.list();
  return collection === 'devices' && more.length === 0 ? hubs.device(host, deviceId) : null;
}
