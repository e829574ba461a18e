import type { SecureContext } from 'node:tls';
import { MQTT_PORT, WEBSOCKET_PORT } from '../dps/endpoint.ts';
import type { HubPlace } from '../hub/hub-check.ts';
import type { Transport } from '../mqtt/connection-settings.ts';
import { type HostAddresses, targetAddresses } from '../mqtt/host-addresses.ts';
import type { OpenMqttConnection } from '../mqtt/mqtt-connection.ts';
import { ownMqttConnections } from '../mqtt/own-mqtt-connection.ts';
import { tlsDialler } from '../mqtt/tls-dialler.ts';
import { openSharedContext } from '../mqtt/tls-sockets.ts';
import type { Scenario } from '../scenario/scenario.ts';
import type { Clock } from '../time/clock.ts';

export type HubConnectionSettings = Pick<Scenario, 'tls' | 'nameResolution'> & {
  readonly transport: Transport;
  /** Roots that are trusted, as for the service. */
  readonly caPems: readonly string[];
  /** Where every hub is; `null` = at its own name. */
  readonly connectTo: HubPlace | null;
};

/** Connections to any hub. The server must prove that it is the hub of that name, wherever it is. */
export class HubConnections {
  readonly #settings: HubConnectionSettings;
  readonly #clock: Clock;
  readonly #openers = new Map<string, Promise<OpenMqttConnection>>();
  readonly #addresses: HostAddresses[] = [];
  /** Of all hubs: it depends on no name, and the service may name any number of hubs. */
  #context: SecureContext | null = null;

  constructor(settings: HubConnectionSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** Where this hub is dialed. */
  placeOf(hub: string): HubPlace {
    const { connectTo, transport } = this.#settings;
    return connectTo ?? { host: hub, port: transport === 'websocket' ? WEBSOCKET_PORT : MQTT_PORT };
  }

  /** Opens connections to this hub. */
  to(hub: string): Promise<OpenMqttConnection> {
    const known = this.#openers.get(hub);
    if (known !== undefined) return known;
    const opener = this.#openerTo(hub);
    this.#openers.set(hub, opener);
    return opener;
  }

  close(): void {
    for (const addresses of this.#addresses) addresses.stop();
  }

  async #openerTo(hub: string): Promise<OpenMqttConnection> {
    const { caPems, nameResolution, tls, transport } = this.#settings;
    const { host, port } = this.placeOf(hub);
    const addresses = targetAddresses({ host, port }, nameResolution);
    this.#addresses.push(addresses);
    if (nameResolution.cacheMs !== null) {
      await addresses.refresh();
      addresses.keepFresh(this.#clock, nameResolution.cacheMs, () => {});
    }
    const endpoint = {
      host,
      port,
      caPems,
      get addresses() {
        return addresses.current;
      },
    };
    const dialler =
      transport === 'websocket' ? (await import('../mqtt/websocket-dialler.ts')).webSocketDialler : tlsDialler;
    // The name of the run's settings is that of the provisioning service.
    const choices = { ...tls, serverName: hub };
    this.#context ??= openSharedContext(caPems, choices);
    return ownMqttConnections(dialler(endpoint, choices, this.#context), this.#clock);
  }
}
