/** Where this machine has a MariaDB: `apt-get install mariadb-server` puts one there. The sandbox brings none of its own. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Binaries {
  readonly server: string;
  /** Makes a data directory. */
  readonly install: string;
}

/** Not in the PATH of everybody. */
const FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/libexec', '/usr/bin', '/usr/local/bin'];

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
