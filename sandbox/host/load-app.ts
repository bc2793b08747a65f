import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Core } from './core.ts';

/**
 * Runs the app's entry (package.json `main`), as the worker does when it indexes. The worker would answer success
 * for an entry that registers nothing; here that stops the start, with the likely reason.
 *
 * @returns the names of the functions
 */
export async function loadApp(core: Core, appDir: string): Promise<readonly string[]> {
  const path = join(appDir, 'package.json');
  const { main } = JSON.parse(await readFile(path, 'utf8')) as { main?: unknown };
  if (typeof main !== 'string') throw new Error(`${path} has no "main": the worker would find no functions`);
  if (/[*?{[]/.test(main)) throw new Error(`${path}: "main" is a pattern; the sandbox's host takes one file`);
  const entry = pathToFileURL(join(appDir, main)).href;
  await import(entry);
  const names = [...core.functions.keys()].sort();
  if (names.length === 0) {
    throw new Error(
      `${join(appDir, main)} registered no function. The platform would show an empty app without any error. Either ` +
        `the entry registers nothing, or its copy of @azure/functions could not require '@azure/functions-core'.`,
    );
  }
  await core.start();
  return names;
}
