import { defineConfig } from 'vitest/config';
import { IS_CONTRIBUTOR_LOOP } from './support/contributor-loop.ts';
import { SkippedTestsReporter } from './support/skipped-tests-reporter.ts';

/** Tests that open sockets or start threads, processes or a browser. Every other test is a unit test: see `support/unit-guard.ts`. */
const INTEGRATION = [
  'test/agents/redis/{redis-bus,redis-survey-real,stream-appends}.test.ts',
  'test/e2e/**/*.test.ts',
  'test/cli/program.test.ts',
  'test/cli/host/{embedded-emulator,enroll}.test.ts',
  'test/emulator/changing-emulator.test.ts',
  'test/emulator/control-port.test.ts',
  'test/emulator/conversations.test.ts',
  'test/emulator/emulator-command.test.ts',
  'test/emulator/facts/facts.test.ts',
  'test/emulator/fault-injection.test.ts',
  'test/emulator/fuzz.test.ts',
  'test/emulator/hub-sdk.test.ts',
  'test/emulator/library.test.ts',
  'test/emulator/linked-hubs.test.ts',
  'test/emulator/mosquitto.test.ts',
  'test/emulator/mqtt-session.test.ts',
  'test/emulator/mqtt-tool.test.ts',
  'test/emulator/node-sdk.test.ts',
  'test/emulator/readme-example.test.ts',
  'test/emulator/records-endpoint.test.ts',
  'test/emulator/sdk-habits.test.ts',
  'test/emulator/server-certificates.test.ts',
  'test/emulator/service-api-port.test.ts',
  'test/emulator/service-client.test.ts',
  'test/emulator/service-sdk.test.ts',
  'test/emulator/session-limits.test.ts',
  'test/emulator/state-restart.test.ts',
  'test/emulator/state-service-api.test.ts',
  'test/emulator/webhook.test.ts',
  'test/emulator/websocket.test.ts',
  'test/emulator/x509-attestation.test.ts',
  'test/hub-check/hub-connections.test.ts',
  'test/files/csv-in-python.test.ts',
  'test/fleet/survey-fleet.test.ts',
  'test/mqtt/{added-roots,mqtt-connections,server-name-check,tls-dialler,tls-sockets,websocket-dialler}.test.ts',
  'test/preflight/{service-clock,wrong-clock}.test.ts',
  'test/prometheus/{publish-metrics,run-metrics}.test.ts',
  'test/report/report-in-browser.test.ts',
  'test/run-folder/run-lock.test.ts',
  'test/service-api/https-exchange.test.ts',
  'test/worker/thread-pool.test.ts',
];

const LONG = ['test/long/**'];

/** Unit tests that simulate much, resample or make RSA keys: a fifth of the time of all. `npm test` has them, `npm run test:unit` does not. */
const SLOW_UNITS = [
  'test/agents/chaos-simulation.test.ts',
  'test/certificates/{certificate,device-batch,server-identity}.test.ts',
  'test/report/compare-runs.test.ts',
  'test/run/quota-simulation.test.ts',
];

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    pool: 'forks',
    // Tests of the built program mostly wait, so two files more keep two cores busy. A project takes this, whatever the command line says.
    maxWorkers: IS_CONTRIBUTOR_LOOP ? '100%' : 4,
    maxConcurrency: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Vitest gives up after a second, for which a busy machine may stand still. What never comes is noticed all the same.
    expect: { poll: { timeout: 60_000 } },
    // A second run need not transform what has not changed.
    experimental: { fsModuleCache: true },
    reporters: ['default', new SkippedTestsReporter()],
    projects: [
      // Files share a process: loading the sources anew for each file takes a third of the time of all tests.
      {
        extends: true,
        test: {
          name: 'unit',
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: [...INTEGRATION, ...LONG, ...(IS_CONTRIBUTOR_LOOP ? SLOW_UNITS : [])],
          setupFiles: ['test/support/unit-guard.ts', 'test/support/property-runs.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          isolate: false,
          include: INTEGRATION,
          setupFiles: ['test/support/property-runs.ts'],
        },
      },
    ],
  },
});
