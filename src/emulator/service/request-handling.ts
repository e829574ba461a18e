import { twinAnswerTopic } from '../../dps/hub-topics.ts';
import { responseTopic } from '../../dps/topics.ts';
import type { ServiceAnswer } from './answer.ts';
import type { Fault } from './fault-rule.ts';

/** How one register request or poll is handled under a fault. */
export type RequestHandling = {
  readonly isAcknowledged: boolean;
  readonly isProcessed: boolean;
  readonly isAnswered: boolean;
  /** When the connection is closed; `null` = it stays open. */
  readonly closes: 'before' | 'after-puback' | 'after' | null;
};

const NORMAL: RequestHandling = { isAcknowledged: true, isProcessed: true, isAnswered: true, closes: null };

export function requestHandling(fault: Fault | null): RequestHandling {
  switch (fault?.kind) {
    case 'lose-request':
      return { ...NORMAL, isProcessed: false, isAnswered: false };
    case 'lose-puback':
      return { ...NORMAL, isAcknowledged: false };
    case 'lose-answer':
      return { ...NORMAL, isAnswered: false };
    case 'disconnect':
      return {
        isAcknowledged: fault.when !== 'before',
        isProcessed: fault.when !== 'before',
        isAnswered: fault.when === 'after',
        closes: fault.when,
      };
    default:
      return NORMAL;
  }
}

/** One message to the device, `afterMs` later than usual; `isHeld`: after the next message instead. */
export type Delivery = {
  readonly topic: string;
  readonly body: string;
  readonly afterMs: number;
  readonly isHeld: boolean;
};

/** Clients use numbers or GUIDs, so none sends this ID. */
const FOREIGN_REQUEST_ID = 'nobody-asked';

/** What a fault puts in the place of a topic. */
type OtherTopics = {
  /** An answer to a request ID that nobody sent. */
  readonly foreign: string;
  /** No answer at all. */
  readonly unknown: string;
};

type MalformedForm = Extract<Fault, { kind: 'malform-answer' }>['form'];

/** What replaces members of the message. */
const MALFORMED: Readonly<Record<MalformedForm, (body: string, topics: OtherTopics) => Partial<Delivery>>> = {
  'no-json': () => ({ body: '<html><body>Service Unavailable</body></html>' }),
  truncated: (body) => ({ body: body.slice(0, body.length / 2) }),
  empty: () => ({ body: '' }),
  'no-status': () => ({ body: '{}' }),
  'unknown-topic': (_, { unknown }) => ({ topic: unknown }),
};

/** The messages that carry the service's answer to the device, as the fault distorts them. */
export function deliveries(answer: ServiceAnswer, requestId: string, fault: Fault | null): readonly Delivery[] {
  const { status, retryAfterSeconds, body } = answer;
  const delivery = at(responseTopic({ status, requestId, retryAfterSeconds }), body);
  if (fault === null) return [delivery];
  if (fault.kind === 'retry-after') {
    const bare = responseTopic({ status, requestId, retryAfterSeconds: null });
    return [{ ...delivery, topic: fault.value === null ? bare : `${bare}&retry-after=${fault.value}` }];
  }
  const foreign = responseTopic({ status, requestId: FOREIGN_REQUEST_ID, retryAfterSeconds });
  return distorted(delivery, fault, { foreign, unknown: '$dps/registrations/res/' });
}

/** The messages that carry a hub's answer about a twin. @param status of the answer */
export function twinDeliveries(status: number, topic: string, body: string, fault: Fault | null): readonly Delivery[] {
  const delivery = at(topic, body);
  if (fault === null) return [delivery];
  const foreign = twinAnswerTopic(status, FOREIGN_REQUEST_ID, null);
  return distorted(delivery, fault, { foreign, unknown: '$iothub/twin/res/' });
}

function at(topic: string, body: string): Delivery {
  return { topic, body, afterMs: 0, isHeld: false };
}

function distorted(delivery: Delivery, fault: Fault, topics: OtherTopics): readonly Delivery[] {
  switch (fault.kind) {
    case 'delay-answer':
      return [{ ...delivery, afterMs: fault.delayMs }];
    case 'duplicate-answer':
      return [delivery, delivery];
    case 'reorder-answer':
      return [{ ...delivery, isHeld: true }];
    case 'foreign-request-id':
      return [{ ...delivery, topic: topics.foreign }];
    case 'malform-answer':
      return [{ ...delivery, ...MALFORMED[fault.form](delivery.body, topics) }];
    default:
      return [delivery];
  }
}
