import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { ClosingLine } from './tests/support/closing-line.ts';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    globalSetup: ['tests/support/database/global-setup.ts'],
    reporters: ['default', new ClosingLine()],
    pool: 'forks',
    // Files of one worker share what they import: each has a database and services of its own, and a third of the time went into importing.
    isolate: false,
    // Each file has a database of its own; more than four at a time only wait for the one server.
    maxWorkers: Math.max(2, Math.min(4, availableParallelism())),
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 30_000,
  },
});
