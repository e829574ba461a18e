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

type MalformedForm = Extract<Fault, { kind: 'malform-answer' }>['form'];

/** What replaces members of the message. */
const MALFORMED: Readonly<Record<MalformedForm, (body: string) => Partial<Delivery>>> = {
  'no-json': () => ({ body: '<html><body>Service Unavailable</body></html>' }),
  truncated: (body) => ({ body: body.slice(0, body.length / 2) }),
  empty: () => ({ body: '' }),
  'no-status': () => ({ body: '{}' }),
  'unknown-topic': () => ({ topic: '$dps/registrations/res/' }),
};

/** The messages that carry `answer` to the device, as the fault distorts them. */
export function deliveries(answer: ServiceAnswer, requestId: string, fault: Fault | null): readonly Delivery[] {
  const { status, retryAfterSeconds, body } = answer;
  const topic = responseTopic({ status, requestId, retryAfterSeconds });
  const delivery: Delivery = { topic, body, afterMs: 0, isHeld: false };
  switch (fault?.kind) {
    case 'delay-answer':
      return [{ ...delivery, afterMs: fault.delayMs }];
    case 'duplicate-answer':
      return [delivery, delivery];
    case 'reorder-answer':
      return [{ ...delivery, isHeld: true }];
    case 'foreign-request-id':
      return [{ ...delivery, topic: responseTopic({ status, requestId: FOREIGN_REQUEST_ID, retryAfterSeconds }) }];
    case 'retry-after': {
      const bare = responseTopic({ status, requestId, retryAfterSeconds: null });
      return [{ ...delivery, topic: fault.value === null ? bare : `${bare}&retry-after=${fault.value}` }];
    }
    case 'malform-answer':
      return [{ ...delivery, ...MALFORMED[fault.form](body) }];
    default:
      return [delivery];
  }
}
