import type { App } from '../main.ts';

let cached: Promise<App> | undefined;

/**
 * The app, built when the first invocation needs it. `../main.ts` reaches every SDK and driver, so it is imported
 * here and nowhere else: indexing the functions (a cold start's first half) then loads `@azure/functions` alone.
 * A failed start is not kept: the next invocation tries again.
 */
export const app = (): Promise<App> => (cached ??= load());

async function load(): Promise<App> {
  try {
    const { createApp } = await import('../main.ts');
    return await createApp();
  } catch (error) {
    cached = undefined;
    throw error;
  }
}
