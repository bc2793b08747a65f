/**
 * The least process that can load a Functions app: the sandbox host's core and its loader, and nothing else of it.
 * Bundled to JavaScript before it is used (cold-start.ts), so that Node's stripping of types is in no figure.
 * `node loader.js <app folder>` tells the parent when the app's functions are known; without a folder it tells at once.
 */
import { Core, installCore } from '../sandbox/host/core.ts';
import { loadApp } from '../sandbox/host/load-app.ts';

const core = new Core(() => undefined);
installCore(core);
const appDir = process.argv[2];
const began = performance.now();
if (appDir !== undefined) await loadApp(core, appDir);
process.send?.({ entryMs: performance.now() - began }, undefined, undefined, () => process.exit(0));
