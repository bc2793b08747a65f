/** What tells MariaDB from Oracle's MySQL: how it is installed and started, and how it is given a password. */
import { createHash } from 'node:crypto';
import { findMariaDb, findMySql, whyNoMariaDb, whyNoMySql } from './binaries.ts';

export type EditionName = 'mariadb' | 'mysql';

export interface Edition {
  readonly title: string;
  /** Its name in the sandbox's DNS. */
  readonly host: string;
  /** A folder of this name in the sandbox's own. */
  readonly folder: string;
  /** The command that makes a data directory. */
  readonly install: (data: string) => readonly string[];
  /** The command that starts the server, without the options that both know. */
  readonly start: readonly string[];
  /** Run before anybody can log in: leaves one account, root, with this password. */
  readonly init: (root: string, password: string) => readonly string[];
  /**
   * The clause that gives an account a password. MariaDB writes account statements into its log as they came, so it gets a
   * hash. MySQL keeps passwords out of its logs by itself.
   */
  readonly identified: (password: string) => string;
  /** The statement that makes `app_rw` the role an account starts with. */
  readonly defaultRole: (account: string) => string;
  /** The privilege to end other accounts' sessions. */
  readonly mayKill: string;
}

/** @throws Error that says where to get it, when the machine has none */
export function editionOf(name: EditionName): Edition {
  return name === 'mariadb' ? mariaDb() : mySql();
}

/** Whoever runs the sandbox runs the server; it wants to be told so by root. */
function user(): readonly string[] {
  return process.getuid?.() === 0 ? ['--user=root'] : [];
}

function mariaDb(): Edition {
  const binaries = findMariaDb();
  if (binaries === undefined) throw new Error(whyNoMariaDb());
  const identified = (password: string): string => `IDENTIFIED BY PASSWORD '${nativeHash(password)}'`;
  return {
    title: 'MariaDB',
    host: 'db.mysql.sandbox.test',
    folder: 'mysql',
    install: (data) => [
      ...[binaries.install, '--no-defaults', ...user(), `--datadir=${data}`],
      ...['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve'],
    ],
    start: [binaries.server, '--no-defaults', ...user(), '--log-warnings=1'],
    // The installer makes several accounts without a password.
    init: (root, password) => [
      `ALTER USER '${root}'@'localhost' ${identified(password)};`,
      `DELETE FROM mysql.global_priv WHERE User = '' OR (User = '${root}' AND Host <> 'localhost');`,
      'FLUSH PRIVILEGES;',
    ],
    identified,
    defaultRole: (account) => `SET DEFAULT ROLE app_rw FOR ${account}`,
    mayKill: 'CONNECTION ADMIN',
  };
}

function mySql(): Edition {
  const unpacked = findMySql();
  if (unpacked === undefined) throw new Error(whyNoMySql());
  const { loader, libraries, server, base } = unpacked;
  const command = [loader, '--library-path', libraries, server, '--no-defaults', ...user(), `--basedir=${base}`];
  // The folder that it would otherwise insist on is made by a package's script, which nobody has run.
  const alone = ['--secure-file-priv=NULL', '--innodb-redo-log-capacity=8M'];
  const identified = (password: string): string => `IDENTIFIED BY ${literal(password)}`;
  return {
    title: 'MySQL',
    host: 'db8.mysql.sandbox.test',
    folder: 'mysql8',
    install: (data) => [...command, ...alone, '--initialize-insecure', `--datadir=${data}`],
    start: [...command, ...alone, '--mysqlx=OFF', '--log-error-verbosity=3'],
    init: (root, password) => [`ALTER USER '${root}'@'localhost' ${identified(password)};`],
    identified,
    defaultRole: (account) => `ALTER USER ${account} DEFAULT ROLE app_rw`,
    mayKill: 'CONNECTION_ADMIN',
  };
}

/** A string constant in a session that nobody has set another sql_mode in. */
export function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/** What PASSWORD() makes of it. */
function nativeHash(password: string): string {
  const once = createHash('sha1').update(password).digest();
  return `*${createHash('sha1').update(once).digest('hex').toUpperCase()}`;
}
