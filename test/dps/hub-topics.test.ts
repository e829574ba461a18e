import { describe, expect, it } from 'vitest';
import { hubUsername, parseHubUsername } from '../../src/dps/hub-identity.ts';
import {
  parseHubTopic,
  parseTwinAnswerTopic,
  telemetryTopic,
  twinAnswerTopic,
  twinGetTopic,
} from '../../src/dps/hub-topics.ts';
import { buildHubSasToken } from '../../src/dps/sas-token.ts';

const HUB = 'contoso-hub-1.azure-devices.net';

describe('at a hub', () => {
  it.each([
    [hubUsername(HUB, 'dev-1'), { hub: HUB, deviceId: 'dev-1', apiVersion: '2021-04-12' }],
    [`${HUB}/dev/api-version=2016-11-14`, { hub: HUB, deviceId: 'dev', apiVersion: '2016-11-14' }],
    [
      `${HUB}/a=b@c/?model-id=dtmi%3Ax&api-version=2020-09-30&DeviceClientType=c%2F1.15.0`,
      { hub: HUB, deviceId: 'a=b@c', apiVersion: '2020-09-30' },
    ],
    [`${HUB}/dev/module/?api-version=2021-04-12`, null],
    [`${HUB}/dev/?DeviceClientType=x`, null],
    [`${HUB}/dev`, null],
    ['', null],
  ])('the user name %s is %j', (username, identity) => {
    expect(parseHubUsername(username)).toEqual(identity);
  });

  it.each([
    [telemetryTopic('dev-1'), { kind: 'telemetry', properties: '' }],
    [telemetryTopic('dev-1', 'a=1&b=%20'), { kind: 'telemetry', properties: 'a=1&b=%20' }],
    ['devices/dev-1/messages/events', { kind: 'telemetry', properties: '' }],
    ['devices/dev-2/messages/events/', null],
    ['devices/dev-1/messages/eventsx', null],
    ['$iothub/twin/GET/?$rid=7', { kind: 'twin-get', requestId: '7' }],
    ['$iothub/twin/GET/?x=1&$rid=a-b', { kind: 'twin-get', requestId: 'a-b' }],
    ['$iothub/twin/GET/?$rid=', null],
    ['$iothub/twin/GET/', null],
    ['$iothub/twin/PATCH/properties/reported/?$rid=8', { kind: 'twin-report', requestId: '8' }],
    ['$iothub/twin/PATCH/properties/desired/?$rid=8', null],
    ['$iothub/methods/res/200/?$rid=1', { kind: 'method-answer' }],
    ['$dps/registrations/PUT/iotdps-register/?$rid=1', null],
  ])('the topic %s is %j', (topic, parsed) => {
    expect(parseHubTopic(topic, 'dev-1')).toEqual(parsed);
  });

  it('the token has no policy name, and is signed with the key of the device', () => {
    const key = 'hNiba4hd2G/5A0QhWyTwxkWX6f6lEaZGW2SkApAcmsQ=';
    expect(buildHubSasToken(HUB, 'sensor-0001', key, 1_900_000_000)).toBe(
      'SharedAccessSignature sr=contoso-hub-1.azure-devices.net%2Fdevices%2Fsensor-0001&sig=ja7uB1QCGkOpMRi%2Ba5TdF79x%2BY8mWJpBPA0bMjrJDzo%3D&se=1900000000',
    );
  });

  it('the user name can tell what the client is', () => {
    const username = hubUsername(HUB, 'dev-1', 'dpsload/0.1.0 (Linux)');
    expect(username).toBe(`${HUB}/dev-1/?api-version=2021-04-12&DeviceClientType=dpsload%2F0.1.0%20(Linux)`);
    expect(parseHubUsername(username)).toEqual({ hub: HUB, deviceId: 'dev-1', apiVersion: '2021-04-12' });
  });

  it.each([
    [twinAnswerTopic(200, '7', null), { status: 200, requestId: '7' }],
    [twinAnswerTopic(204, 'a-1', 6), { status: 204, requestId: 'a-1' }],
    ['$iothub/twin/res/429/?$version=1&$rid=7', { status: 429, requestId: '7' }],
    ['$iothub/twin/res/200/?x=7', null],
    ['$iothub/twin/res/x/?$rid=7', null],
    ['$iothub/twin/PATCH/properties/desired/?$version=7', null],
  ])('the topic %s answers %j', (topic, answer) => {
    expect(parseTwinAnswerTopic(topic)).toEqual(answer);
  });

  it('what asks for the twin is understood', () => {
    expect(parseHubTopic(twinGetTopic('1'), 'dev-1')).toEqual({ kind: 'twin-get', requestId: '1' });
  });
});
