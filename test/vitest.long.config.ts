import { defineConfig } from 'vitest/config';
import { SkippedTestsReporter } from './support/skipped-tests-reporter.ts';

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    include: ['test/long/**/*.test.ts'],
    // One file at a time: each loads both cores on its own.
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 900_000,
    hookTimeout: 120_000,
    reporters: ['default', new SkippedTestsReporter()],
  },
});
