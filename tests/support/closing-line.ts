import type { Reporter, TestModule } from 'vitest/node';

/** Ends the run with a plain line, `12 passed, 0 failed`, which machines can read. A file that cannot be run counts as one failure. */
export class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let passed = 0;
    let failed = unhandledErrors.length;
    for (const module of modules) {
      if (module.errors().length > 0) failed += 1;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed += 1;
        else if (state === 'failed') failed += 1;
      }
    }
    // After everything else that the end of the run prints.
    process.once('exit', () => console.log(`${passed} passed, ${failed} failed`));
  }
}
