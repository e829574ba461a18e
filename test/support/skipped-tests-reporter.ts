import type { Reporter, TestCase, TestModule, Vitest } from 'vitest/node';

/** Ends a test run with a line for each skipped suite or test, whose name says what it needs. */
export class SkippedTestsReporter implements Reporter {
  #hasNameFilter = false;

  onInit({ config }: Vitest): void {
    this.#hasNameFilter = config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    if (this.#hasNameFilter) return;
    const counts = new Map<string, number>();
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const place = `${module.relativeModuleId}: ${outermostSkipped(test)}`;
        counts.set(place, (counts.get(place) ?? 0) + 1);
      }
    }
    for (const [place, count] of counts) {
      process.stdout.write(`  skipped ${count} ${count === 1 ? 'test' : 'tests'} in ${place}\n`);
    }
  }
}

function outermostSkipped(test: TestCase): string {
  let { name } = test;
  for (let parent = test.parent; parent.type === 'suite'; parent = parent.parent) {
    if (parent.options.mode === 'skip') name = parent.name;
  }
  return name;
}
