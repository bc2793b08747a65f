/**
 * Where this machine has a MariaDB (`apt-get install mariadb-server` puts one there), and where .ci/install_mysql has unpacked a
 * MySQL. The sandbox brings none of its own.
 */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

export interface Binaries {
  readonly server: string;
  /** Makes a data directory. */
  readonly install: string;
}

/** Debian's packages side by side in one folder, with their own libc: they start through the loader that is among them. */
export interface Unpacked {
  readonly loader: string;
  readonly libraries: string;
  readonly server: string;
  /** What MySQL calls its basedir. */
  readonly base: string;
}

/** Not in the PATH of everybody. */
const FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/libexec', '/usr/bin', '/usr/local/bin'];
const UNPACKED = resolve(import.meta.dirname, '../../.cache/mysql');

let found: Binaries | undefined;

/**
 * @param folders where to look: those of the PATH and the usual ones
 * @returns undefined when there is none; Oracle's MySQL under the same name is none
 */
export function findMariaDb(folders?: readonly string[]): Binaries | undefined {
  if (folders !== undefined) return look(folders);
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  found ??= look([...path, ...FOLDERS]);
  return found;
}

export function whyNoMariaDb(): string {
  return "there is no MariaDB on this machine (no mariadbd or mysqld with mariadb-install-db in PATH or /usr/sbin), so the sandbox's part 'mysql' cannot run: apt-get install mariadb-server";
}

/** @param folder where .ci/install_mysql has put it: SANDBOX_MYSQL, or `.cache/mysql` of this repository */
export function findMySql(folder = process.env['SANDBOX_MYSQL'] ?? UNPACKED): Unpacked | undefined {
  const base = join(folder, 'usr');
  const server = join(base, 'sbin/mysqld');
  if (!existsSync(server)) return undefined;
  for (const triplet of readdirSync(join(base, 'lib')).filter((name) => name.endsWith('-linux-gnu'))) {
    const libraries = join(base, 'lib', triplet);
    const loader = readdirSync(libraries).find((name) => /^ld-linux.*\.so/.test(name));
    if (loader !== undefined) return { loader: join(libraries, loader), libraries, server, base };
  }
  return undefined;
}

export function whyNoMySql(): string {
  return 'there is no MySQL of Oracle (MariaDB is none) in .cache/mysql: .ci/install_mysql puts one there, without root';
}

function look(folders: readonly string[]): Binaries | undefined {
  const first = (...names: readonly string[]): readonly string[] =>
    names.flatMap((name) => folders.map((folder) => join(folder, name)).filter(isExecutable));
  const [install] = first('mariadb-install-db', 'mysql_install_db');
  const server = first('mariadbd', 'mysqld').find(isMariaDb);
  return server === undefined || install === undefined ? undefined : { server, install };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code !== undefined) return false;
    throw error;
  }
}

function isMariaDb(path: string): boolean {
  return /MariaDB/.test(execFileSync(path, ['--no-defaults', '--version'], { encoding: 'utf8' }));
}
