import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    globalSetup: ['test/support/scan/everything.ts'],
    // Real servers start in hooks: PostgreSQL takes a second, Azurite two. The crash suite runs a hundred rotations in a test,
    // and machines are busy: a time-out here says that something hangs, never that it is slow.
    hookTimeout: 120_000,
    testTimeout: 240_000,
    // The search at the end (globalSetup) keeps the main process busy in one go, for longer than the usual ten seconds after a
    // whole run. The end of the worker that finished last is not heard of meanwhile, and was reported as a time-out.
    teardownTimeout: 300_000,
    maxWorkers: 2,
    coverage: { provider: 'v8', include: ['src/**'], reporter: ['text-summary', 'json-summary'] },
  },
});
