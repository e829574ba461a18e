import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyedCertificate } from '../../src/certificates/certificate.ts';
import type { FaultRule } from '../../src/emulator/service/fault-rule.ts';
import type { ServiceBehavior } from '../../src/emulator/service/service-behavior.ts';
import type { MqttClientName } from '../../src/mqtt/connection-settings.ts';
import { authority, x509Group } from './certificates.ts';
import { dpsload, type Ended } from './dpsload-program.ts';
import { emulatedInstance, GROUP_KEY, ID_SCOPE } from './emulated-instance.ts';
import { faultRule } from './fault-rules.ts';
import { onlyRunFolder, type ResultRow, readLines, readResultRows } from './results.ts';
import { startTestEmulator, type TestEmulator } from './test-emulator.ts';

export type FleetWay = {
  readonly attestation: 'group-key' | 'x509';
  readonly transport: 'mqtt' | 'websocket';
  /** Default: the program's. */
  readonly mqttClient?: MqttClientName;
};

export type FleetRunRequest = FleetWay & {
  readonly ids: readonly string[];
  readonly load: object;
};

type JournalLine = { readonly kind: string; readonly reason?: string };

/** An emulator with faults, which knows devices with symmetric keys and with certificates, and the program that registers them. */
export class FaultyFleet {
  readonly emulator: TestEmulator;
  readonly #folder: string;
  readonly #line: KeyedCertificate;

  private constructor(emulator: TestEmulator, folder: string, line: KeyedCertificate) {
    this.emulator = emulator;
    this.#folder = folder;
    this.#line = line;
  }

  static async start(
    folder: string,
    faults: readonly FaultRule[],
    behavior: Partial<ServiceBehavior>,
    seed = 1,
  ): Promise<FaultyFleet> {
    const root = await authority('Root');
    const line = await authority('Line A', root);
    const { enrollmentGroups } = emulatedInstance();
    const emulator = await startTestEmulator({
      instances: [emulatedInstance({ enrollmentGroups: [...enrollmentGroups, x509Group('line-a', root)] })],
      websocketPort: 0,
      behavior,
      seed,
      // Those that come last change nothing: they write down what no other fault struck.
      faults: [
        ...faults,
        faultRule({ kind: 'slow-connack', delayMs: 0 }),
        faultRule({ kind: 'delay-answer', delayMs: 0 }),
      ],
    });
    return new FaultyFleet(emulator, folder, line);
  }

  close(): Promise<void> {
    return this.emulator.close();
  }

  /** Registers every device through the built program. @param registration as in a scenario */
  async run(
    { ids, load, attestation, transport, mqttClient = 'dpsload' }: FleetRunRequest,
    registration: object,
  ): Promise<{ readonly ended: Ended; readonly rows: readonly ResultRow[]; readonly reason: string | undefined }> {
    // Of its own: a run never meets, and resumes, what another left.
    const runFolder = mkdtempSync(join(this.#folder, 'fleet-'));
    const file = (name: string): string => join(runFolder, name);
    const { caFile, port, websocketPort } = this.emulator;
    const scenario = {
      version: 1,
      target: { host: '127.0.0.1', idScope: ID_SCOPE, ca: caFile, transport, mqttClient },
      load: { concurrency: 2_000, ...load },
      registration,
    };
    writeFileSync(file('fleet.csv'), ['registration_id', ...ids].join('\n'));
    writeFileSync(file('scenario.yaml'), JSON.stringify(scenario));
    writeFileSync(file('line.pem'), this.#line.certificatePem);
    writeFileSync(file('line.key'), this.#line.privateKeyPem);
    const issuer = ['--issuer-cert-file', file('line.pem'), '--issuer-key-file', file('line.key')];
    const ended = await dpsload(
      [
        ...['run', file('fleet.csv'), '-s', file('scenario.yaml'), '--out', file('out'), '--quiet'],
        ...['--port', String(transport === 'mqtt' ? port : websocketPort)],
        ...['--attestation', attestation, ...(attestation === 'x509' ? issuer : [])],
      ],
      { env: attestation === 'x509' ? {} : { DPSLOAD_GROUP_KEY: GROUP_KEY } },
    );
    // A target that cannot be used leaves nothing behind.
    if (ended.code === 4) return { ended, rows: [], reason: undefined };
    const folder = onlyRunFolder(file('out'));
    const rows = readResultRows(join(folder, 'registrations.csv'));
    const journal = readLines<JournalLine>(join(folder, 'journal.ndjson'));
    return { ended, rows, reason: journal.at(-1)?.reason };
  }
}
