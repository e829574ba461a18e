import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/long/**'],
    // Tests of the built program wait for much of their time: a third file keeps two cores busy.
    pool: 'forks',
    maxWorkers: 3,
    maxConcurrency: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
