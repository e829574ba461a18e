import { defineConfig } from 'vitest/config';

const LONG = 'test/long/**';
/** These put a module of Node's in another's place, and need a process of their own. */
const MOCKING = 'test/mqtt/added-roots.test.ts';

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    // Tests of the built program wait for much of their time: a third file keeps two cores busy.
    pool: 'forks',
    maxWorkers: 3,
    maxConcurrency: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      // One process for many files: to load the sources anew for each takes a third of the time of all tests.
      {
        extends: true,
        test: { name: 'tests', isolate: false, include: ['test/**/*.test.ts'], exclude: [LONG, MOCKING] },
      },
      { extends: true, test: { name: 'mocks', include: [MOCKING] } },
    ],
  },
});
