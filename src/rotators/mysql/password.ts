import { createHash, randomBytes } from 'node:crypto';
import { SecretValue } from '../../rotation/secret-value.ts';
import { literal } from './sql.ts';

/** How an account proves itself, in the words of the server that holds it. */
export interface Authentication {
  /** Which of the two grammars the server prints in SHOW CREATE USER, and so understands. */
  readonly dialect: 'mariadb' | 'mysql';
  readonly plugin: string;
}

const NATIVE = 'mysql_native_password';
/** Those whose stored form cannot safely be computed here: they get the password itself. */
const PLAIN: readonly string[] = ['caching_sha2_password', 'sha256_password'];

/** Can this rotator give such an account a password? */
export function isSupported({ dialect, plugin }: Authentication): boolean {
  return plugin === NATIVE || (dialect === 'mysql' && PLAIN.includes(plugin));
}

/**
 * The IDENTIFIED clause that gives an account a password. It never changes the plugin.
 *
 * `mysql_native_password` takes its hash, so the server never sees the password. That matters: MariaDB writes account
 * statements as they came into its general, slow and binary logs (seen on 10.11). `caching_sha2_password` and
 * `sha256_password` of MySQL store a salted hash of 5000 rounds and more, whose encoding is the server's own affair; they get
 * the password in the statement, over TLS. MySQL replaces it in all of its logs, except in a statement that it cannot parse:
 * https://dev.mysql.com/doc/refman/8.4/en/password-logging.html
 *
 * Whether Azure takes a hash for `mysql_native_password` is unverified. A refusal is an error of the statement; a hash taken
 * for a password is found by the log-in of `test`, before any reader gets the value.
 */
export function identifiedBy({ dialect, plugin }: Authentication, password: SecretValue): string {
  if (!isSupported({ dialect, plugin })) throw new TypeError(`no password can be set for the plugin ${plugin}`);
  if (plugin !== NATIVE) return `IDENTIFIED WITH ${literal(plugin)} BY ${literal(password.reveal())}`;
  const hash = literal(nativeHash(password));
  return dialect === 'mariadb' ? `IDENTIFIED BY PASSWORD ${hash}` : `IDENTIFIED WITH ${literal(NATIVE)} AS ${hash}`;
}

/** For an account that nobody is to log in with. Its end pleases `validate_password`: each class of characters is there. */
export function nobodyKnows(): SecretValue {
  return new SecretValue(`${randomBytes(27).toString('base64url')}-aA1`);
}

/** The clause as it may be shown. */
export function shown({ dialect, plugin }: Authentication): string {
  if (plugin !== NATIVE) return `IDENTIFIED WITH ${literal(plugin)} BY '<password>'`;
  return dialect === 'mariadb' ? `IDENTIFIED BY PASSWORD '<hash>'` : `IDENTIFIED WITH ${literal(NATIVE)} AS '<hash>'`;
}

/** What PASSWORD() gives: `*` and SHA1(SHA1(password)) in capitals. It does not suffice to log in. */
export function nativeHash(password: SecretValue): string {
  const once = createHash('sha1').update(password.reveal()).digest();
  return `*${createHash('sha1').update(once).digest('hex').toUpperCase()}`;
}
