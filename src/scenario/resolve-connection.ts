import { MQTT_PORT, WEBSOCKET_PORT } from '../dps/endpoint.ts';
import type { TlsChoices } from '../mqtt/tls-choices.ts';
import { type Problem, problem } from '../problem/operator-error.ts';
import { type GatheredSettings, listGiven } from './gather-settings.ts';
import type { SettingValues } from './settings.ts';

/** Puts in the port that belongs to the transport, where none is given. */
export function withPort({ values, origins }: GatheredSettings): GatheredSettings {
  const portDefault = values.transport === 'websocket' ? WEBSOCKET_PORT : MQTT_PORT;
  return { values: { ...values, port: values.port ?? portDefault }, origins };
}

export function checkTls({ values, origins }: GatheredSettings, problems: Problem[]): void {
  if (values.ca !== null && values.caOnly !== null) {
    const message = `${listGiven(origins, ['ca', 'caOnly'])}: roots are either added or replaced`;
    problems.push(problem(message, 'Remove one of the two; one file can hold several certificates'));
  }
  if (values.tlsMin === '1.3' && values.tlsMax === '1.2') {
    const message = `${listGiven(origins, ['tlsMin', 'tlsMax'])}: no TLS version is left`;
    problems.push(problem(message, 'Make --tls-min no newer than --tls-max'));
  }
}

export function toTls({ caOnly, tlsMin, tlsMax, serverName, localAddress }: SettingValues): TlsChoices {
  return {
    caOnly: caOnly !== null,
    versionMin: tlsMin === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
    versionMax: tlsMax === '1.2' ? 'TLSv1.2' : 'TLSv1.3',
    serverName,
    localAddresses: localAddress ?? [],
  };
}
