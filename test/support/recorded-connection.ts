import type { MqttConnection, MqttEvent, MqttIdentity, OpenMqttConnection } from '../../src/mqtt/mqtt-connection.ts';

export const TEST_IDENTITY: MqttIdentity = {
  clientId: 'dev-0001',
  username: '0ne00111111/registrations/dev-0001/api-version=2021-06-01',
  password: 'SharedAccessSignature sr=secret',
  clientCertificate: null,
};

export type RecordedConnection = {
  readonly connection: MqttConnection;
  /** In the order of their arrival. */
  readonly events: readonly MqttEvent[];
  /** The first event of this type, also one that has already come. Rejects when the connection is lost before. */
  event<T extends MqttEvent['type']>(type: T): Promise<Extract<MqttEvent, { type: T }>>;
};

/** Opens a connection and keeps its events. `react` is called for each of them. */
export function openRecorded(
  open: OpenMqttConnection,
  react: (event: MqttEvent, connection: MqttConnection) => void = () => {},
): RecordedConnection {
  const events: MqttEvent[] = [];
  const waiting: (() => void)[] = [];
  const connection = open(TEST_IDENTITY, (event) => {
    events.push(event);
    for (const look of waiting) look();
    react(event, connection);
  });
  return {
    connection,
    events,
    event: (type) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = events.find((event) => event.type === type);
          const last = events.at(-1);
          if (found) resolve(found as never);
          else if (last?.type === 'lost') reject(new Error(`${last.failure.code}: ${last.failure.message}`));
        };
        waiting.push(look);
        look();
      }),
  };
}
