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
    maxWorkers: 2,
    coverage: { provider: 'v8', include: ['src/**'], reporter: ['text-summary', 'json-summary'] },
  },
});
