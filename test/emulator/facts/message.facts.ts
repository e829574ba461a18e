import { generate, type Packet } from 'mqtt-packet';
import { expect } from 'vitest';
import { choice, type FactGroup, right } from './fact.ts';
import { IN_PROGRESS } from './fact-bench.ts';

const FILTER = '$dps/registrations/res/#';
const REGISTER = '$dps/registrations/PUT/iotdps-register/?';
const POLL = '$dps/registrations/GET/iotdps-get-operationstatus/?';

/** The documented maximum of a message. */
const MESSAGE_BYTES_MAX = 96 * 1024;

const ping: Packet = { cmd: 'pingreq' };

export const messageFacts: FactGroup = {
  title: 'Subscriptions, topics and messages',
  sources:
    'AD iot-dps-mqtt-support.md; articles/iot-dps includes iot-dps-limits.md; string constants and parsers of the SDKs; iot-middleware-freertos-samples#393; MQTT 3.1.1',
  facts: [
    ...([0, 1, 2] as const).map((qos) =>
      right(
        `subscribe-${qos}`,
        '1.5 D',
        `SUBSCRIBE \`${FILTER}\` with QoS ${qos} is granted QoS ${Math.min(qos, 1)}, and answers come with it`,
        async (bench) => {
          const device = await bench.connected(`subscribe-${qos}`);
          expect(await device.subscribe(qos)).toEqual([Math.min(qos, 1)]);
          expect((await device.register()).qos).toBe(Math.min(qos, 1));
        },
      ),
    ),
    choice(
      ['subscribe-other', '1.5', 'Another filter gets SUBACK 128'],
      'MQTT 3.1.1 has a code for it; the C SDK knows it',
      'behavior.otherFilters',
      async (bench) => {
        const device = await bench.connected('subscribe-other');
        for (const filter of ['#', 'devices/a/#']) expect(await device.subscribe(1, filter)).toEqual([128]);
        const strict = await bench.connected('subscribe-other', { at: { behavior: { otherFilters: 'close' } } });
        await expect(strict.subscribe(1, '#')).rejects.toThrow('a closed connection');
      },
    ),
    right('subscribe-narrow', '1.5 D', 'Narrower filters, and other wildcards, are not supported', async (bench) => {
      const device = await bench.connected('subscribe-narrow');
      for (const filter of ['$dps/registrations/res/+', '$dps/registrations/res/202/#']) {
        expect(await device.subscribe(1, filter)).toEqual([128]);
      }
    }),
    choice(
      ['subscribe-exact', '1.5', 'The exact topic of one answer is not granted'],
      'the documentation mentions only the filter with #',
      'behavior.grantsExactFilters',
      async (bench) => {
        const topic = '$dps/registrations/res/202/?$rid=1&retry-after=3';
        const granted = [];
        for (const grantsExactFilters of [false, true]) {
          const device = await bench.connected('subscribe-exact', { at: { behavior: { grantsExactFilters } } });
          granted.push(await device.subscribe(1, topic));
        }
        expect(granted).toEqual([[128], [1]]);
      },
    ),
    right('subscribe-several', '1.5 I', 'Each filter of one SUBSCRIBE has its own return code', async (bench) => {
      const device = await bench.connected('subscribe-several');
      expect(await device.subscribe(1, '#', FILTER)).toEqual([128, 1]);
    }),
    right('subscribe-not', '1.5 D', 'A device that has not subscribed gets PUBACK, and no answer', async (bench) => {
      const device = await bench.connected('subscribe-not');
      device.publish(`${REGISTER}$rid=1`, { qos: 1 });
      expect(await device.receive()).toMatchObject({ cmd: 'puback', messageId: 7 });
      expect(await device.exchange(ping)).toMatchObject({ cmd: 'pingresp' });
    }),
    right('unsubscribe', 'D3 D', 'UNSUBSCRIBE gets UNSUBACK, and ends the answers', async (bench) => {
      const device = await bench.subscribed('unsubscribe');
      const packet: Packet = { cmd: 'unsubscribe', messageId: 10, unsubscriptions: [FILTER] };
      expect(await device.exchange(packet)).toMatchObject({ cmd: 'unsuback', messageId: 10 });
      device.publish(`${REGISTER}$rid=1`);
      expect(await device.exchange(ping)).toMatchObject({ cmd: 'pingresp' });
    }),
    right('publish-qos-0', '1.5 D', 'PUBLISH with QoS 0 is answered', async (bench) => {
      expect((await bench.registered('publish-qos-0')).status).toBe(202);
    }),
    right('publish-qos-1', '3.1 D', 'PUBLISH with QoS 1 is acknowledged before it is answered', async (bench) => {
      const device = await bench.subscribed('publish-qos-1');
      device.publish(`${REGISTER}$rid=1`, { qos: 1 });
      expect(await device.receive()).toMatchObject({ cmd: 'puback', messageId: 7 });
      expect((await device.answer()).status).toBe(202);
    }),
    right('publish-again', '1.5 I', 'A repeated PUBLISH (DUP) is processed like any other', async (bench) => {
      const device = await bench.subscribed('publish-again');
      device.publish(`${REGISTER}$rid=1`, { qos: 1, dup: true });
      expect([(await device.receive())?.cmd, (await device.answer()).status]).toEqual(['puback', 202]);
    }),
    right('publish-puback', '1.5 I', "The device's PUBACK to an answer is taken", async (bench) => {
      const device = await bench.subscribed('publish-puback');
      await device.register();
      device.send({ cmd: 'puback', messageId: 1 });
      expect(await device.exchange(ping)).toMatchObject({ cmd: 'pingresp' });
    }),
    choice(
      ['publish-qos-2', 'D4', 'PUBLISH with QoS 2 closes the connection'],
      'as at the hubs',
      null,
      async (bench) => {
        const device = await bench.subscribed('publish-qos-2');
        device.publish(`${REGISTER}$rid=1`, { qos: 2 });
        expect(await device.receive()).toBeNull();
      },
    ),
    choice(
      ['publish-retain', 'D4', 'PUBLISH with RETAIN is treated like any other'],
      'as at the hubs',
      null,
      async (bench) => {
        const device = await bench.subscribed('publish-retain');
        device.publish(`${REGISTER}$rid=1`, { retain: true });
        expect((await device.answer()).status).toBe(202);
      },
    ),
    choice(
      ['publish-elsewhere', '1.5', 'PUBLISH to another topic closes the connection'],
      'as at the hubs',
      'behavior.otherTopics',
      async (bench) => {
        for (const topic of ['devices/a/messages/events/', '$dps/registrations/POST/x/?$rid=1', `${REGISTER}$rid=#`]) {
          const device = await bench.subscribed('publish-elsewhere');
          device.publish(topic);
          expect(await device.receive()).toBeNull();
        }
        const lenient = await bench.connected('publish-elsewhere', { at: { behavior: { otherTopics: 'ignore' } } });
        lenient.publish('devices/a/messages/events/', { qos: 1 });
        expect(await lenient.receive()).toMatchObject({ cmd: 'puback' });
      },
    ),
    choice(
      ['publish-no-rid', 'D4', 'A request without `$rid` closes the connection'],
      'as another topic',
      'behavior.otherTopics',
      async (bench) => {
        for (const topic of [REGISTER, `${REGISTER}$rid=`, `${POLL}operationId=5.0.0`]) {
          const device = await bench.subscribed('publish-no-rid');
          device.publish(topic);
          expect(await device.receive()).toBeNull();
        }
      },
    ),
    right('publish-lookup', '3.1 I', 'There is no status lookup over MQTT', async (bench) => {
      const device = await bench.subscribed('publish-lookup');
      device.publish('$dps/registrations/GET/iotdps-get-registration/?$rid=1');
      expect(await device.receive()).toBeNull();
    }),
    right('publish-96', '5 D', 'A message may have 96 KB', async (bench) => {
      const body = JSON.stringify({ payload: 'x'.repeat(MESSAGE_BYTES_MAX - 14) });
      expect(body.length).toBe(MESSAGE_BYTES_MAX);
      expect((await bench.registered('publish-96', { body })).status).toBe(202);
    }),
    choice(['publish-97', 'D4', 'A larger message closes the connection'], 'nobody knows', null, async (bench) => {
      const device = await bench.subscribed('publish-97');
      device.publish(`${REGISTER}$rid=1`, { payload: Buffer.alloc(MESSAGE_BYTES_MAX + 1) });
      expect(await device.receive()).toBeNull();
    }),
    right('topic-rid', '3.1 D', 'The request ID is echoed unchanged: a counter, a UUID, anything', async (bench) => {
      const device = await bench.subscribed('topic-rid');
      for (const id of ['0', '8b0f2b0c-6a1e-4f35-9d2c-1f7f2f0a7c11', 'a'.repeat(500), '%24', 'é']) {
        expect((await device.register('', id)).requestId).toBe(id);
      }
    }),
    right('topic-rid-again', '3.1 D', 'The request ID need not be unique', async (bench) => {
      const device = await bench.subscribed('topic-rid-again', IN_PROGRESS);
      const { body } = await device.register('', '1');
      expect((await device.poll(body.operationId, '', '1')).status).toBe(202);
    }),
    right('topic-order', 'D4 I', 'The names in the topic of a request may come in any order', async (bench) => {
      const device = await bench.subscribed('topic-order', IN_PROGRESS);
      const { body } = await device.register();
      const answer = await device.ask(`${POLL}operationId=${body.operationId}&$rid=9`);
      expect([answer.status, answer.requestId]).toEqual([202, '9']);
    }),
    right('topic-names', 'D4 I', 'Unknown names in the topic of a request are ignored', async (bench) => {
      const device = await bench.subscribed('topic-names');
      expect((await device.register('', 'x&y=1')).topic).toBe('$dps/registrations/res/202/?$rid=x&retry-after=3');
    }),
    right(
      'topic-answer',
      'D8 D',
      'The topic of an answer is exactly `$dps/registrations/res/{status}/?$rid={rid}`, with `&retry-after={seconds}` where there is one, and nothing after it',
      async (bench) => {
        const { topic } = await bench.registered('topic-answer');
        expect(topic).toBe('$dps/registrations/res/202/?$rid=1&retry-after=3');
        expect((await bench.assigned('topic-answer')).topic).toBe('$dps/registrations/res/200/?$rid=2');
      },
    ),
    right('topic-fragments', '1.5 I', 'A packet may arrive in any pieces', async (bench) => {
      const device = await bench.subscribed('topic-fragments');
      const packet = {
        cmd: 'publish',
        topic: `${REGISTER}$rid=1`,
        payload: '',
        qos: 0,
        dup: false,
        retain: false,
      } as const;
      for (const byte of generate(packet)) device.socket.write(Buffer.of(byte));
      expect((await device.answer()).status).toBe(202);
    }),
    right('no-push', '7 D', 'The final result is sent only in answer to a poll', async (bench) => {
      const device = await bench.subscribed('no-push', { at: { behavior: { assignmentDelayMs: 0 } } });
      await device.register();
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(await device.exchange(ping)).toMatchObject({ cmd: 'pingresp' });
    }),
  ],
};
