/**
 * `npm run package`: makes `package/`, the folder that is deployed and that the sandbox's host loads. It holds
 * host.json, a package.json and the bundle; everything is bundled, so nothing is installed beside it.
 */
import { cp, mkdir, mkdtemp, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { build } from 'rolldown';
import config, { OUTPUT } from '../rolldown.config.ts';
import { indexApp } from '../sandbox/host/cold-start.ts';
import { EXPECTED_FUNCTIONS } from './functions.ts';

const ROOT = resolve(import.meta.dirname, '..');

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly type: string;
  readonly main: string;
  readonly engines: Readonly<Record<string, string>>;
}

export interface PackagedFile {
  /** Relative to the package. */
  readonly path: string;
  readonly bytes: number;
}

/**
 * Builds the app into `outDir` and proves that it loads. `outDir` is replaced as a whole and only at the end: when
 * this throws, the former one is still there.
 */
export async function makePackage(outDir: string): Promise<readonly PackagedFile[]> {
  const target = resolve(ROOT, outDir);
  const staging = `${target}.${process.pid}.tmp`;
  try {
    await mkdir(staging, { recursive: true });
    await build({ ...config, cwd: ROOT, output: { ...OUTPUT, dir: join(staging, 'dist') }, logLevel: 'warn' });
    await cp(join(ROOT, 'host.json'), join(staging, 'host.json'));
    const { name, version, type, main, engines } = await readManifest();
    const manifest = { name, version, private: true, type, main, engines };
    await writeFile(join(staging, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    await verifyPackage(staging);
    await rm(target, { recursive: true, force: true });
    await rename(staging, target);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return listFiles(target);
}

async function readManifest(): Promise<Manifest> {
  return JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as Manifest;
}

/**
 * Loads a copy of the package in a host of its own, from a folder with no node_modules above it: a package that was
 * left unbundled by mistake is missing there as it would be in Azure. Throws unless the names are those expected.
 */
async function verifyPackage(dir: string): Promise<void> {
  const copy = await mkdtemp(join(tmpdir(), 'keyturn-package-'));
  try {
    await cp(dir, copy, { recursive: true });
    const { functions } = await indexApp(copy);
    const missing = EXPECTED_FUNCTIONS.filter((name) => !functions.includes(name));
    const unknown = functions.filter((name) => !EXPECTED_FUNCTIONS.includes(name));
    if (missing.length === 0 && unknown.length === 0) return;
    throw new Error(
      `the package registers other functions than expected: missing [${missing.join(', ')}], ` +
        `not expected [${unknown.join(', ')}]. build/functions.ts has the list.`,
    );
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

async function listFiles(dir: string): Promise<readonly PackagedFile[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sized = files.map(async (path) => ({ path: relative(dir, path), bytes: (await stat(path)).size }));
  return (await Promise.all(sized)).sort((a, b) => a.path.localeCompare(b.path));
}

if (process.argv[1] === import.meta.filename) {
  const quiet = process.argv.includes('--quiet');
  const files = await makePackage('package');
  const kilobytes = (bytes: number): string => (bytes / 1024).toFixed(1).padStart(9);
  for (const { path, bytes } of quiet ? [] : files) console.log(`${kilobytes(bytes)} kB  package/${path}`);
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  if (!quiet)
    console.log(`${kilobytes(total)} kB  in ${files.length} files; registers ${EXPECTED_FUNCTIONS.length} functions`);
}
