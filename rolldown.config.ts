import { defineConfig } from 'rolldown';
import type { OutputOptions } from 'rolldown';

export const OUTPUT: OutputOptions = {
  dir: 'dist',
  format: 'esm',
  cleanDir: true,
  entryFileNames: '[name].js',
  chunkFileNames: 'chunks/[name]-[hash].js',
};

/**
 * The app in one folder, nothing installed beside it. `functions.js` holds the triggers and `@azure/functions`;
 * everything that is imported with `import()` becomes a chunk of its own, read when it is first used.
 *
 * Left out are only names that no package on disk answers to, or that must not: `@azure/functions-core` is given by
 * the platform's worker, `pg-native` is an optional native driver that the app never asks for.
 */
export default defineConfig({
  input: { functions: 'src/functions/index.ts' },
  platform: 'node',
  external: ['@azure/functions-core', 'pg-native'],
  output: OUTPUT,
});
